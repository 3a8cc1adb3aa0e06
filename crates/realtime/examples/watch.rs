//! Watches tables from a terminal: states, readiness, changes and gaps as they come.
//!
//! ```text
//! cargo run -p bedside-realtime --example watch -- http://127.0.0.1:8787 <api key> public.patients [more tables]
//! ```
//!
//! With a user's JWT in `BEDSIDE_TOKEN` it has that user's rights, else the key's. Only keys are printed, never rows.

#[cfg(not(target_arch = "wasm32"))]
mod watch {
    use bedside_realtime::{
        AccessToken, Binding, BindingEvent, BindingHandle, RealtimeClient, TokenError,
    };

    fn print(table: &str, event: &BindingEvent) {
        match event {
            BindingEvent::Ready(ready) => match &ready.gap {
                None => println!("{table}: listening"),
                Some(gap) => println!(
                    "{table}: listening again; fetch, for gap {} is over",
                    gap.id
                ),
            },
            BindingEvent::Change(change) => {
                let key = change.keyed_record().and_then(|record| record.text("id"));
                println!(
                    "{table}: {} {}",
                    change.kind.as_str(),
                    key.as_deref().unwrap_or("?")
                );
            }
            BindingEvent::Gap(gap) => println!("{table}: gap {}: {:?}", gap.id, gap.cause),
            BindingEvent::Refused(refusal) => println!("{table}: refused: {}", refusal.reason),
        }
    }

    pub async fn run() -> Result<(), Box<dyn std::error::Error>> {
        let mut arguments = std::env::args().skip(1);
        let (Some(url), Some(key)) = (arguments.next(), arguments.next()) else {
            return Err("usage: watch <url> <api key> <schema.table>..".into());
        };
        let token = std::env::var("BEDSIDE_TOKEN").ok();
        let client = RealtimeClient::builder(url, key)
            .token_source(move |_need| {
                let token = token.clone().map(AccessToken::new);
                std::future::ready(Ok::<_, TokenError>(token))
            })
            .build()?;
        let _status = client
            .status()
            .subscribe(|snapshot| match snapshot.next_retry_in {
                Some(wait) => println!("{} (next attempt in {wait:.1?})", snapshot.status.name()),
                None => println!("{}", snapshot.status.name()),
            });
        let handles: Vec<BindingHandle> = arguments
            .map(|name| {
                let (schema, table) = name.split_once('.').unwrap_or(("public", &name));
                let binding = Binding::table(schema, table);
                client.bind_with(binding, move |event| print(&name, event))
            })
            .collect();
        if handles.is_empty() {
            return Err("name at least one table".into());
        }
        // Until Ctrl-C.
        std::future::pending().await
    }
}

#[cfg(not(target_arch = "wasm32"))]
#[tokio::main(flavor = "current_thread")]
async fn main() {
    if let Err(error) = watch::run().await {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

#[cfg(target_arch = "wasm32")]
fn main() {}

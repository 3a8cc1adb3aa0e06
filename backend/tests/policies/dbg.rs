use crate::ward::on_the_ward;
#[test]
fn dbg() {
    for sql in [
        "do $$ begin begin raise exception 'x1'; exception when others then null; end; end $$",
        "do $$ begin begin perform 1/0; exception when others then null; end; end $$",
        "do $$ begin begin insert into public.feed_heartbeat(id) values (5); exception when others then null; end; end $$",
        "do $$ begin begin raise exception 'x1'; exception when others then raise warning 'caught'; end; end $$",
        "savepoint a; do $$ begin begin raise exception 'x1'; exception when others then null; end; end $$; rollback to savepoint a",
        "do $$ begin begin begin perform 1/0; exception when others then raise exception 'x2'; end; exception when others then null; end; end $$",
        "alter table realtime.messages add constraint refuse_all check (event is null) not valid; select realtime.send('{}','a','b',true)",
        "alter table realtime.messages add constraint refuse_all check (event is null) not valid; select private.announce_lost_access('00000000-0000-4000-a000-000000000003', '{}')",
        "alter table realtime.messages add constraint refuse_all check (event is null) not valid; do $$ begin perform private.announce_lost_access('00000000-0000-4000-a000-000000000003', '{}'); end $$",
    ] {
        on_the_ward(|mut ward| async move {
            let r = ward.try_owner(sql).await;
            eprintln!("{} => {:?}", &sql[..sql.len().min(150)], r);
        });
    }
}

//! How a join is answered: at once, and before the server listens; or refused, which holds up everything behind it.

use serde_json::{Value, json};

use super::frames::subscribed;
use super::{Channel, Later, Line, Server, binding_id, room_of};
use crate::dice::Dice;

impl Server {
    // Each is a part of the world that only the caller holds; a type around them would serve this one call.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn join(
        &mut self,
        line: Line,
        reference: &str,
        topic: String,
        payload: &Value,
        now: u64,
        dice: &mut Dice,
        out: &mut Vec<(u64, Later)>,
    ) {
        let token = payload.get("access_token").and_then(Value::as_str);
        let pass = token.and_then(|jwt| self.passes.get(jwt)).cloned();
        let config = payload.get("config");
        let private = config
            .and_then(|config| config.get("private"))
            .and_then(Value::as_bool)
            .unwrap_or(false);
        let user = pass.as_ref().map(|pass| pass.user);
        let refusal = if pass.as_ref().is_some_and(|pass| pass.expires <= now) {
            Some("InvalidJWTToken: Token has expired 60 seconds ago")
        } else if private && user.map(room_of).as_deref() != Some(&topic) {
            Some("Unauthorized: You do not have permissions to read from this Channel topic")
        } else {
            None
        };
        if let Some(reason) = refusal {
            if let Some(connection) = self.lines.get_mut(&line) {
                connection.frozen_until = connection.frozen_until.max(now) + 5_000;
            }
            let reply = json!([reference, reference, topic, "phx_reply", {"status": "error", "response": {"reason": reason}}]);
            return self.say(line, &reply, now, dice, out);
        }
        let wanted = config
            .and_then(|config| config.get("postgres_changes"))
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let mut bindings = Vec::new();
        let mut echoed = Vec::new();
        for mut binding in wanted {
            let table = binding
                .get("table")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned();
            if let Some(binding) = binding.as_object_mut() {
                binding.insert("id".to_owned(), json!(binding_id(&table)));
            }
            bindings.push((binding_id(&table), table));
            echoed.push(binding);
        }
        self.serial += 1;
        let channel = Channel {
            topic: topic.clone(),
            join_ref: reference.to_owned(),
            user,
            serial: self.serial,
            bindings,
            listening: false,
        };
        if let Some(pass) = pass {
            let expire = Later::Expire {
                line,
                join_ref: reference.to_owned(),
                serial: channel.serial,
            };
            out.push((pass.expires.max(now), expire));
        }
        let subscribes = !channel.bindings.is_empty();
        if let Some(connection) = self.lines.get_mut(&line) {
            connection.channels.push(channel);
        }
        let reply = json!([reference, reference, topic, "phx_reply", {"status": "ok", "response": {"postgres_changes": echoed}}]);
        self.say(line, &reply, now, dice, out);
        if subscribes {
            if self.hasty {
                let word = subscribed(reference, &topic);
                self.say(line, &word, now, dice, out);
            }
            // Warm: a moment. Cold: seconds. Now and then: never.
            let wait = match dice.between(0, 99) {
                0..=69 => dice.between(1, 30),
                70..=96 => dice.between(1_000, 3_500),
                _ => 600_000,
            };
            out.push((
                now + wait,
                Later::Listen {
                    line,
                    join_ref: reference.to_owned(),
                },
            ));
        }
    }
}

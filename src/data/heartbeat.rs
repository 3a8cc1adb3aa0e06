//! The feed's heartbeat, asked of the database itself: whether there is one at all.

use serde::Deserialize;

use super::{DataError, Request, Rest};

/// How often the heartbeat has beaten; never, where nothing makes it beat.
pub async fn beats(rest: Rest) -> Result<u64, DataError> {
    #[derive(Deserialize)]
    struct Beats {
        beat: u64,
    }
    let request = Request::table("feed_heartbeat").select("beat");
    Ok(rest.row::<Beats>(request).await?.beat)
}

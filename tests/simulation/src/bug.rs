//! Known ways to get live data wrong. Each can be switched on, to show that the simulation would notice.

/// A mistake, made on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// What was fetched before the server listened is not fetched again when it does.
    FetchBeforeReady,
    /// A change during a fetch is taken to be in its answer.
    NoTrailingRefetch,
    /// The end of a gap changes nothing.
    IgnoreGap,
    /// The answer to a join is taken for the server's word that it listens.
    JoinOkIsReady,
    /// The next person finds the previous user's cache.
    NoIdentityFence,
    /// The feed's heartbeat is not watched.
    NoLiveness,
    /// The word that rights were lost is not listened to.
    DeafToRevocation,
    /// A change of a patient doesn't touch the forms that name the patient.
    ForgetJoins,
    /// One's own role is a profile like any other.
    IgnoreOwnRole,
    /// Nothing is asked while the feed is away.
    NoPolling,
    /// A save that fails puts back what was on the screen before it.
    SnapshotRollback,
    /// A save that could not be sent is given up.
    DropOnError,
    /// Saves are only in memory.
    ForgetOnClose,
    /// Tabs send without taking turns, and saves have no name by which the database knows them.
    DoubleSend,
    /// A decision about a save is sent under the id of the save that it is about.
    SameSaveId,
    /// Signing in deletes other users' entries on disk.
    WipeOthers,
    /// What is on the disk and can't be read is taken to be gone.
    UnreadableIsGone,
    /// What the database's log of changes names is ignored.
    NoFeedSince,
}

impl Bug {
    pub const ALL: [Self; 18] = [
        Self::FetchBeforeReady,
        Self::NoTrailingRefetch,
        Self::IgnoreGap,
        Self::JoinOkIsReady,
        Self::NoIdentityFence,
        Self::NoLiveness,
        Self::DeafToRevocation,
        Self::ForgetJoins,
        Self::IgnoreOwnRole,
        Self::NoPolling,
        Self::SnapshotRollback,
        Self::DropOnError,
        Self::ForgetOnClose,
        Self::DoubleSend,
        Self::SameSaveId,
        Self::WipeOthers,
        Self::UnreadableIsGone,
        Self::NoFeedSince,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FetchBeforeReady => "fetch-before-ready",
            Self::NoTrailingRefetch => "no-trailing-refetch",
            Self::IgnoreGap => "ignore-gap",
            Self::JoinOkIsReady => "join-ok-is-ready",
            Self::NoIdentityFence => "no-identity-fence",
            Self::NoLiveness => "no-liveness",
            Self::DeafToRevocation => "deaf-to-revocation",
            Self::ForgetJoins => "forget-joins",
            Self::IgnoreOwnRole => "ignore-own-role",
            Self::NoPolling => "no-polling",
            Self::SnapshotRollback => "snapshot-rollback",
            Self::DropOnError => "drop-on-error",
            Self::ForgetOnClose => "forget-on-close",
            Self::DoubleSend => "double-send",
            Self::SameSaveId => "same-save-id",
            Self::WipeOthers => "wipe-others",
            Self::UnreadableIsGone => "unreadable-is-gone",
            Self::NoFeedSince => "no-feed-since",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| bug.name() == name)
    }
}

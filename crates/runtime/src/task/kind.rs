//! The kinds of long-lived work, each with its declared end.

/// What the failure of a task means for the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// The process cannot do its work without the task: [`super::TaskGroup::failed`] tells it.
    Shutdown,
    /// One line in the log; the rest goes on.
    Log,
}

/// What happens to a task when its group is told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnCancel {
    /// It sees the token and ends by itself: something acknowledged depends on it.
    Finish,
    /// It is dropped where it waits: nothing is lost but its own progress.
    Abort,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $on_error:ident, $on_cancel:ident;)+) => {
        /// Every kind of task that outlives a request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum TaskKind { $($(#[$doc])* $kind),+ }

        impl TaskKind {
            pub const ALL: &[Self] = &[$(Self::$kind),+];

            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }

            /// Whether it belongs to a request and runs on the thread that serves it, see [`crate::lanes`].
            #[must_use]
            pub const fn stays(self) -> bool {
                matches!(self, Self::Connection | Self::SseStream | Self::Upstream | Self::ToolStream)
            }

            #[must_use]
            pub const fn on_error(self) -> OnError {
                match self { $(Self::$kind => OnError::$on_error),+ }
            }

            #[must_use]
            pub const fn on_cancel(self) -> OnCancel {
                match self { $(Self::$kind => OnCancel::$on_cancel),+ }
            }
        }
    };
}

kinds! {
    /// Accepts connections of one port.
    Listener = "listener", Shutdown, Finish;
    /// Serves one connection; on cancel it answers what it has begun.
    Connection = "connection", Log, Finish;
    /// Appends to the write-ahead log; without it nothing can be acknowledged.
    WalWriter = "wal writer", Shutdown, Finish;
    /// Turns the log into segments.
    Flusher = "flusher", Log, Finish;
    /// Merges segments; an interrupted merge is repeated.
    Compactor = "compactor", Log, Abort;
    /// Removes what is older or larger than was asked for.
    Retention = "retention", Log, Abort;
    /// Writes what the gateways saw.
    Recorder = "recorder", Shutdown, Finish;
    /// Keeps runs assembled from their spans.
    Assembler = "assembler", Shutdown, Finish;
    /// Pushes live updates to one browser.
    SseStream = "event stream", Log, Abort;
    /// Follows an upstream call to its end, though the client may have gone.
    Upstream = "upstream call", Log, Finish;
    /// Removes expired sessions, links, keys and ownerships.
    SessionSweep = "session sweep", Log, Abort;
    /// Charges answers in the background that nobody fetched; what is left at the end is charged then.
    BackgroundSweep = "background sweep", Log, Abort;
    /// Reads what another node changed in the control state.
    SnapshotRefresh = "snapshot refresh", Log, Abort;
    /// Runs one query of a user.
    Query = "query", Log, Abort;
    /// Reads one file of foreign traces.
    Import = "import", Log, Finish;
    /// Scores the runs of one experiment; told to stop, it says so in the experiment.
    Experiment = "experiment", Log, Finish;
    /// Follows runs for the monitors; each step is saved as a whole.
    Monitor = "monitor", Log, Finish;
    /// Appends to the audit log; without it no call that can change something may go out.
    AuditWriter = "audit writer", Shutdown, Finish;
    /// Asks witnesses to cosign the checkpoints of the audit log.
    Witnessing = "witnessing", Log, Abort;
    /// Writes what was decided beside the runs it was decided for.
    DecisionRecorder = "decision recorder", Log, Finish;
    /// Lets held calls expire and tells people of new ones.
    Approvals = "approvals", Log, Abort;
    /// Writes what budgets are owed and gives back unused blocks; told to stop, it gives back all of them.
    LeaseSweep = "lease sweep", Log, Finish;
    /// Puts evidence in force that evaluation has published.
    EvidenceInForce = "evidence in force", Log, Abort;
    /// Hands what the catalog says of versions over to permission; without it a retired version would go on.
    VersionsInForce = "versions in force", Shutdown, Abort;
    /// Reads the locations of the catalog; what was read is kept a few documents at a time.
    CatalogLocations = "catalog locations", Log, Abort;
    /// Tells the catalog what traffic showed; what was not told is found again.
    Discovery = "discovery", Log, Abort;
    /// Makes the scorecards of agents; each is kept as a whole.
    Scorecards = "scorecards", Log, Finish;
    /// Follows the folder of policies.
    PolicyFolder = "policy folder", Log, Abort;
    /// Speaks with one tool server.
    ToolServer = "tool server", Log, Finish;
    /// Does the work of a stream of the tool gateway, whose client may be away and come back.
    ToolStream = "tool stream", Log, Finish;
    /// Ends the tool sessions that nobody uses.
    ToolSessionSweep = "tool session sweep", Log, Abort;
    /// Writes one backup.
    Backup = "backup", Log, Abort;
    /// Tries whether what must be written can be, for `/metrics`.
    Watch = "watch", Log, Abort;
    /// Waits for the signals of the operating system.
    Signals = "signals", Shutdown, Abort;
    /// Drives the demonstration.
    Demonstration = "demonstration", Log, Abort;
}

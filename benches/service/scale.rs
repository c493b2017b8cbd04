//! How large populations are and how long rounds take: as the README shows them, and small for a quick check.

/// The sizes of a run.
pub struct Scale {
    /// Rounds of each contender, in turn.
    pub rounds: usize,
    /// Length of a round, in seconds.
    pub seconds: f64,
    /// How long each contender runs before its rounds.
    pub warm_up: f64,
    /// Length of one open-loop round.
    pub open_seconds: f64,
    pub open_rounds: usize,
    /// Connections over which requests are measured that can be made again and again.
    pub connections: &'static [usize],
    /// Warm one-to-one conversations.
    pub pairs: usize,
    /// Members of a small, a usual and a large group.
    pub groups: [usize; 3],
    /// People who talk in circles, each with 20 conversations and 4 groups.
    pub people: usize,
    /// Messages that can be withdrawn.
    pub withdrawals: usize,
    /// Conversations of one person, and how many of them are groups.
    pub listed: usize,
    pub listed_groups: usize,
    /// Conversations that are activated, put away and activated again.
    pub cold: usize,
    /// Of these, how many have a history of 20 messages (and are besides the others).
    pub histories: usize,
    /// When the actors of that service are put away, in milliseconds.
    pub idle_after: u64,
    /// Messages of the deep conversation.
    pub deep: usize,
    /// Conversations that a start has to know of.
    pub wide: usize,
    /// How often one of them is activated and put away.
    pub activations: usize,
    /// Conversations with one unread message.
    pub single_unread: usize,
    /// Starts measured after each kind of end.
    pub starts: usize,
    /// Conversations whose heap is weighed.
    pub weighed: usize,
    /// Requests over which allocations are counted.
    pub counted: usize,
    /// How long more is offered than can be done, in seconds.
    pub overload_seconds: f64,
    /// Syncs measured on the bare disk.
    pub syncs: usize,
}

/// What `make bench` runs.
pub const FULL: Scale = Scale {
    rounds: 5,
    seconds: 2.0,
    warm_up: 1.0,
    open_seconds: 5.0,
    open_rounds: 3,
    connections: &[1, 16, 64, 256],
    pairs: 1_000,
    groups: [10, 1_000, 100_000],
    people: 500,
    withdrawals: 60_000,
    listed: 10_000,
    listed_groups: 500,
    cold: 100_000,
    histories: 20_000,
    idle_after: 60_000,
    deep: 1_000_000,
    wide: 100_000,
    activations: 1_000_000,
    single_unread: 20_000,
    starts: 3,
    weighed: 20_000,
    counted: 20_000,
    overload_seconds: 30.0,
    syncs: 2_000,
};

/// What `--quick` runs.
pub const QUICK: Scale = Scale {
    rounds: 2,
    seconds: 0.4,
    warm_up: 0.2,
    open_seconds: 1.0,
    open_rounds: 1,
    connections: &[1, 16, 64, 256],
    pairs: 1_000,
    groups: [10, 100, 1_000],
    people: 100,
    withdrawals: 3_000,
    listed: 1_200,
    listed_groups: 100,
    cold: 3_000,
    histories: 1_000,
    idle_after: 5_000,
    deep: 20_000,
    wide: 6_000,
    activations: 20_000,
    single_unread: 2_000,
    starts: 1,
    weighed: 2_000,
    counted: 2_000,
    overload_seconds: 3.0,
    syncs: 200,
};

/// `1,000,000` for 1000000: titles are read by people.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

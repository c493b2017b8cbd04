//! The clients in conversations: talkers who never pause, and readers who look, read on and vote.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;

use super::ledger::Ledger;
use super::ledger::acts::How;
use super::process::{Gone, Process};
use super::scene::Place;

/// One client's part of the scene.
pub struct Client {
    pub process: Arc<Process>,
    pub ledger: Arc<Ledger>,
    pub places: Vec<Place>,
    /// Makes its contents unlike any other's.
    pub name: String,
    pub random: StdRng,
}

impl Client {
    /// Sends without a pause until the process is gone: with and without a key, hanging up early, repeating
    /// what was answered, taking back what was said.
    pub async fn talk(mut self) -> Gone {
        for n in 0_u64.. {
            if let Err(gone) = self.talk_once(n).await {
                return gone;
            }
        }
        Gone
    }

    async fn talk_once(&mut self, n: u64) -> Result<(), Gone> {
        let place = self.places.choose(&mut self.random).cloned().expect("places");
        let author = place.authors().choose(&mut self.random).cloned().expect("authors");
        let mut content = format!("{}-{n}", self.name);
        if self.random.random_bool(0.05) {
            // Large ones make the journal long enough to be trimmed, and RocksDB write its files.
            content.push_str(&"-".repeat(self.random.random_range(1_000..20_000)));
        }
        let hangs_up = self.random.random_bool(0.05);
        let hangs_up = hangs_up.then(|| Duration::from_micros(self.random.random_range(200..8_000)));
        let how = How { keyed: self.random.random_bool(0.7), hangs_up };
        let told = self.ledger.send(&self.process, &place, &author, &content, how).await?;
        let Some(told) = told else { return Ok(()) };
        match self.random.random_range(0..20) {
            0 => self.ledger.withdraw(&self.process, &place, &author, told.seq).await,
            1 if how.keyed => {
                let how = How { keyed: true, hangs_up: None };
                self.ledger.send(&self.process, &place, &author, &content, how).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Looks, reads on and votes until the process is gone.
    pub async fn read(mut self) -> Gone {
        let seats: Vec<(Place, i64)> = self
            .places
            .iter()
            .flat_map(|place| place.readers().into_iter().map(|reader| (place.clone(), reader)))
            .collect();
        loop {
            let (place, reader) = seats.choose(&mut self.random).expect("somebody reads");
            if let Err(gone) = self.read_once(place, *reader).await {
                return gone;
            }
        }
    }

    async fn read_once(&mut self, place: &Place, reader: i64) -> Result<(), Gone> {
        let rows = self.ledger.look(&self.process, place, reader).await?;
        let Some(row) = rows.choose(&mut self.random).cloned() else { return Ok(()) };
        if self.random.random_bool(0.3) {
            self.ledger.read(&self.process, place, reader, row.seq).await?;
        }
        let may_vote = row.author != format!("user:{reader}") && !row.withdrawn && place.kind() != 4;
        if may_vote && self.random.random_bool(0.5) {
            let vote = if self.random.random_bool(0.5) { 1 } else { -1 };
            self.ledger.vote(&self.process, place, reader, row.seq, vote).await?;
        }
        tokio::time::sleep(Duration::from_millis(self.random.random_range(1..20))).await;
        Ok(())
    }
}

//! How large an embedded store is, counted when somebody asks: `messagecenter_store_bytes`.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Part {
    part: &'static str,
}

/// The sizes of the files of one store's directory, by what they are.
#[derive(Debug)]
pub struct StoreSize {
    directory: PathBuf,
}

impl StoreSize {
    /// The store in `directory`.
    pub fn of(directory: &Path) -> Self {
        Self { directory: directory.to_path_buf() }
    }

    /// Bytes by part: `log` (not sorted into tables yet), `tables`, `other`. A file that goes while it is counted
    /// counts as nothing.
    fn bytes(&self) -> [(&'static str, u64); 3] {
        let (mut log, mut tables, mut other) = (0, 0, 0);
        let mut folders = vec![self.directory.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let Ok(about) = entry.metadata() else { continue };
                if about.is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                match entry.path().extension().and_then(|kind| kind.to_str()) {
                    Some("log") => log += about.len(),
                    Some("sst" | "blob") => tables += about.len(),
                    _ => other += about.len(),
                }
            }
        }
        [("log", log), ("tables", tables), ("other", other)]
    }
}

impl Collector for StoreSize {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let family: Family<Part, Gauge> = Family::default();
        for (part, bytes) in self.bytes() {
            family.get_or_create(&Part { part }).set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
        let help = "Bytes of the embedded store's files";
        family.encode(encoder.encode_descriptor(
            "messagecenter_store_bytes",
            help,
            None,
            MetricType::Gauge,
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_counted_by_what_they_are_also_in_folders() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        fs::create_dir(folder.path().join("inner"))?;
        for (name, bytes) in
            [("000004.log", 10), ("inner/000005.sst", 200), ("7.blob", 1_000), ("CURRENT", 3)]
        {
            fs::write(folder.path().join(name), vec![0; bytes])?;
        }
        let size = StoreSize::of(folder.path());
        assert_eq!(size.bytes(), [("log", 10), ("tables", 1_200), ("other", 3)]);
        assert_eq!(StoreSize::of(Path::new("/nowhere at all")).bytes().map(|(_, bytes)| bytes), [0; 3]);
        Ok(())
    }
}

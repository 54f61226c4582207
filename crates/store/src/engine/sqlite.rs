//! SQLite: one writer thread with group commit, readers inline.

use std::path::Path;
use std::sync::Arc;
use std::thread;

use tokio::sync::oneshot;

use super::{Answer, Commit, Engine, Measure, Options, Row, Statement, Step, Value, refuse_nul};
use crate::Error;

mod checkpoint;
mod connection;
mod group;
mod handover;
mod queue;
mod readers;
mod writer;

use checkpoint::Log;
use handover::Gatherer;
use queue::{Answered, Job};
use readers::Readers;
use writer::Writer;

/// The embedded engine over `keyhaven.db` in a data directory.
pub(super) struct Sqlite {
    writer: Arc<Writer>,
    gatherer: Gatherer,
    readers: Readers,
    file: std::path::PathBuf,
}

impl Sqlite {
    /// Opens or makes the database, migrates it, and starts the two threads.
    pub(super) fn open(directory: &Path, options: &Options) -> Result<Self, Error> {
        connection::create(directory)
            .map_err(|error| Error::broken(format!("{}: {error}", directory.display())))?;
        let file = connection::file_in(directory);
        let opening_alone = super::migrate::one_at_a_time(directory)?;
        let mut first =
            connection::open_writer(&file, options.most_bytes).map_err(|error| opening(&error))?;
        super::migrate::sqlite(&mut first)?;
        drop(opening_alone);
        let log = Log::new(options.log_bytes);
        let writer = Writer::new(file.clone(), options.most_bytes, first, options.waiting, log);
        let writer = Arc::new(writer.map_err(|error| opening(&error))?);
        start("keyhaven-writer", &writer, Writer::write_until_closed)?;
        start("keyhaven-checkpoint", &writer, {
            let file = file.clone();
            move |writer| writer.log.copy_when_asked(&file)
        })?;
        let gatherer = Gatherer::new(&writer);
        Ok(Self { writer, gatherer, readers: Readers::new(file.clone()), file })
    }
}

impl Engine for Sqlite {
    fn read<'a>(
        &'a self,
        statement: &'static Statement,
        values: Vec<Value>,
    ) -> Answer<'a, Vec<Row>> {
        Box::pin(async move {
            refuse_nul(statement, &values)?;
            self.readers.read(statement, &values)
        })
    }

    fn commit(&self, steps: Vec<Step>) -> Answer<'_, Commit> {
        Box::pin(async move {
            for step in &steps {
                refuse_nul(step.statement, &step.values)?;
            }
            let (answer, outcome) = oneshot::channel();
            if self.writer.queue.push(Job { steps, answer })? {
                self.gatherer.lined_up(&self.writer);
            }
            let failed = |_| Error::broken("the writer failed; outcome unknown");
            let Answered { outcome, steps } = outcome.await.map_err(failed)?;
            drop(steps);
            outcome
        })
    }

    fn prepare(&self, statement: &'static Statement) -> Answer<'_, ()> {
        Box::pin(async move { self.readers.prepare(statement) })
    }

    fn measure(&self) -> Answer<'_, Measure> {
        Box::pin(async move {
            let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
            let log_bytes = size(&self.file.with_extension("db-wal"));
            let waiting = self.writer.queue.len() as u64;
            Ok(Measure { bytes: size(&self.file) + log_bytes, log_bytes, waiting })
        })
    }

    fn changed_elsewhere(&self) -> bool {
        self.writer.changed_elsewhere()
    }

    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.writer.close().await;
            Ok(())
        })
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.writer.queue.close();
    }
}

fn start(
    name: &str,
    writer: &Arc<Writer>,
    work: impl FnOnce(&Writer) + Send + 'static,
) -> Result<(), Error> {
    let writer = Arc::clone(writer);
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(move || work(&writer));
    spawned.map(|_| ()).map_err(Error::broken)
}

fn opening(error: &rusqlite::Error) -> Error {
    Error::broken(format!("opening the database: {error}"))
}

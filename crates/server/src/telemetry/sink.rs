//! Where lines go: a bounded queue and one thread that writes. A full queue drops the line and
//! counts it, so a blocked sink never holds up a request (F22).

use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

use metrics::Counter;

/// Lines that may wait for the sink.
const QUEUE: usize = 4096;

/// The sender of lines. Clones share the queue.
#[derive(Clone)]
pub(super) struct Queue {
    lines: SyncSender<Vec<u8>>,
    dropped: Counter,
}

/// Keeps the thread; dropping it waits a moment for what is queued.
pub struct Flush {
    thread: Option<JoinHandle<()>>,
    stop: Option<mpsc::Sender<()>>,
    done: Receiver<()>,
}

/// Starts the thread that writes to `out`.
pub(super) fn start(
    out: impl Write + Send + 'static,
    dropped: Counter,
) -> io::Result<(Queue, Flush)> {
    let (lines, queue) = mpsc::sync_channel(QUEUE);
    let (stop, stopped) = mpsc::channel();
    let (finished, done) = mpsc::channel();
    let thread = std::thread::Builder::new().name("log".to_owned()).spawn(move || {
        write_all(out, &queue, &stopped);
        // The one who waits may have given up.
        let _ = finished.send(());
    })?;
    Ok((Queue { lines, dropped }, Flush { thread: Some(thread), stop: Some(stop), done }))
}

fn write_all(mut out: impl Write, queue: &Receiver<Vec<u8>>, stopped: &Receiver<()>) {
    loop {
        match queue.recv_timeout(Duration::from_millis(200)) {
            Ok(line) => {
                // A sink that is gone takes no lines; there is nowhere to say so.
                let _ = out.write_all(&line);
            }
            Err(RecvTimeoutError::Timeout) => {
                let _ = out.flush();
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if stopped.try_recv() == Err(mpsc::TryRecvError::Disconnected) {
            while let Ok(line) = queue.try_recv() {
                let _ = out.write_all(&line);
            }
            break;
        }
    }
    let _ = out.flush();
}

impl Queue {
    pub(super) fn send(&self, line: Vec<u8>) {
        if self.lines.try_send(line).is_err() {
            self.dropped.increment(1);
        }
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        drop(self.stop.take());
        let finished = self.done.recv_timeout(Duration::from_secs(1)).is_ok();
        if let (true, Some(thread)) = (finished, self.thread.take()) {
            // It has said that it is done.
            let _ = thread.join();
        }
    }
}

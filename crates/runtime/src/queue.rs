//! Taking what waits in a queue together, where each alone would cost more than waiting does.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::time::Instant;

/// How often the queue is looked at. Who waits in it is woken by each item; nobody is by what lies there a moment.
const LOOK: Duration = Duration::from_millis(5);

/// Adds to `group` what comes within `wait`, up to `group_max` in all; a closed queue and a full group are seen at the
/// next look.
pub async fn gather<T>(queue: &mut mpsc::Receiver<T>, group: &mut Vec<T>, group_max: usize, wait: Duration) {
    let until = Instant::now() + wait;
    loop {
        while group.len() < group_max {
            match queue.try_recv() {
                Ok(item) => group.push(item),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        let now = Instant::now();
        if group.len() >= group_max || now >= until {
            return;
        }
        tokio::time::sleep_until(until.min(now + LOOK)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;
    use tokio::time::Instant;

    use super::gather;

    const WAIT: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn a_group_is_what_comes_in_time_and_fits_and_nothing_is_lost() {
        let (sender, mut queue) = mpsc::channel(16);
        for number in 1..=5 {
            sender.send(number).await.unwrap();
        }
        let mut group = vec![0];
        gather(&mut queue, &mut group, 4, Duration::from_secs(60)).await;
        assert_eq!(group, [0, 1, 2, 3], "a full group waits for nobody");
        let (late, begun) = (sender.clone(), Instant::now());
        let sending = async move {
            tokio::time::sleep(WAIT / 5).await;
            late.send(6).await.unwrap();
        };
        let mut group = Vec::new();
        tokio::join!(sending, gather(&mut queue, &mut group, 4, WAIT));
        assert_eq!(group, [4, 5, 6]);
        assert!(begun.elapsed() >= WAIT);
        drop(sender);
        gather(&mut queue, &mut group, 8, Duration::from_secs(60)).await;
        assert_eq!(group.len(), 3);
    }
}

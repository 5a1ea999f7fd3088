//! Several relays and gateways, of which some fail.

use query::Patience;

use super::*;

/// What each way does, and in which order they were taken.
struct World {
    /// By the way's number: whether it answers, or how it fails.
    does: RefCell<Vec<Does>>,
    taken: RefCell<Vec<usize>>,
}

#[derive(Clone, Copy)]
enum Does {
    Answer,
    /// No reply at all.
    Fail(ErrorCode),
    /// The gateway's sealed error.
    Refuse(&'static str),
    /// After a word, the connection breaks.
    Break,
}

const OTHER_SEED: [u8; 32] = [8; 32];
/// The gateway behind each way.
const GATEWAYS: [[u8; 32]; 3] = [SEED, SEED, OTHER_SEED];

impl World {
    fn new(does: [Does; 3]) -> Rc<Self> {
        let does = RefCell::new(does.into());
        Rc::new(Self {
            does,
            taken: RefCell::default(),
        })
    }

    fn carry(&self, way: usize, sealed: &[u8]) -> Result<Wire, Error> {
        self.taken.borrow_mut().push(way);
        let (_, mut sealer) = GatewayKeys::from_seed(&GATEWAYS[way])
            .unwrap()
            .open(sealed)
            .unwrap();
        let does = self.does.borrow()[way];
        let (status, body, is_whole) = match does {
            Does::Fail(code) => return Err(Error::new(code, "as the test says")),
            Does::Answer => (200, format!("{}{END}", data("Hello")), true),
            Does::Break => (200, data("Hello"), false),
            Does::Refuse(code) => (
                502,
                format!(r#"{{"error":{{"code":"{code}","message":"m"}}}}"#),
                true,
            ),
        };
        let mut wire = vec![
            sealer.head(status, &[]).unwrap(),
            sealer.chunk(body.as_bytes()).unwrap(),
        ];
        if is_whole {
            wire.push(sealer.finish().unwrap());
        }
        Ok(whole(wire))
    }

    fn engine(
        self: &Rc<Self>,
    ) -> Engine<NoModel, impl engine::Transport, ManualClock, FixedSignals, Always> {
        let way = |number: usize| {
            let world = self.clone();
            let list = GatewayKeys::from_seed(&GATEWAYS[number])
                .unwrap()
                .config_list();
            let key = VerifiedKey::pinned(&list.unwrap()).unwrap();
            (
                InMemory::new(move |sealed: &[u8]| world.carry(number, sealed)),
                key,
            )
        };
        let clock = ManualClock::new(1.0);
        let engine = Engine::new(NoModel, clock, FixedSignals { online: true }, Always(true));
        engine.set_detector(Detector::default());
        let (transport, key) = way(0);
        let engine = engine.with_cloud(transport, key, None);
        [1, 2].into_iter().fold(engine, |engine, number| {
            let (transport, key) = way(number);
            engine.with_way(transport, key)
        })
    }

    /// The ways that were taken since the last time.
    fn taken(&self) -> Vec<usize> {
        self.taken.take()
    }
}

/// What one question comes to: the text and how often it was sealed, or how it ended.
fn ask_once<T: engine::Transport>(
    engine: &Engine<NoModel, T, ManualClock, FixedSignals, Always>,
    policy: &Policy,
) -> Result<(String, u32), ErrorCode> {
    let mut events = Vec::new();
    block_on(engine.answer(ask("Hi"), policy, &mut |event| events.push(event)))
        .map_err(|error| error.code)?;
    let (text, done) = read(events);
    let sent = done.unwrap().1.sent.unwrap();
    assert_eq!(sent.bytes % sent.attempts, 0);
    Ok((text, sent.attempts))
}

const RELAY_DOWN: Does = Does::Fail(ErrorCode::RelayUnavailable);

#[test]
fn the_first_that_answers_is_taken_and_each_attempt_counts() {
    let hello = |attempts| Ok(("Hello".to_owned(), attempts));
    for (does, came, taken) in [
        ([Does::Answer; 3], hello(1), vec![0]),
        (
            [RELAY_DOWN, Does::Answer, Does::Answer],
            hello(2),
            vec![0, 1],
        ),
        (
            [RELAY_DOWN, Does::Fail(ErrorCode::SealBroken), Does::Answer],
            hello(3),
            vec![0, 1, 2],
        ),
        // Another relay leads to the same gateway, which would say the same.
        (
            [Does::Refuse("upstream-failed"), Does::Answer, Does::Answer],
            hello(2),
            vec![0, 2],
        ),
        (
            [
                Does::Refuse("upstream-rate-limited"),
                Does::Answer,
                Does::Answer,
            ],
            hello(2),
            vec![0, 2],
        ),
        // Another relay counts by itself.
        (
            [Does::Fail(ErrorCode::RelayRateLimited); 3],
            Err(ErrorCode::RelayRateLimited),
            vec![0, 1, 2],
        ),
        // The question or the device is at fault: no other way helps.
        (
            [Does::Refuse("invalid-request"), Does::Answer, Does::Answer],
            Err(ErrorCode::InvalidRequest),
            vec![0],
        ),
        (
            [Does::Fail(ErrorCode::Offline), Does::Answer, Does::Answer],
            Err(ErrorCode::Offline),
            vec![0],
        ),
        // What was shown is not said again.
        (
            [Does::Break, Does::Answer, Does::Answer],
            Err(ErrorCode::UpstreamInterrupted),
            vec![0],
        ),
        // Three rounds, as long as a relay may only be starting; not where its replies are damaged.
        (
            [RELAY_DOWN; 3],
            Err(ErrorCode::RelayUnavailable),
            vec![0, 1, 2, 0, 1, 2, 0, 1, 2],
        ),
        (
            [RELAY_DOWN, Does::Fail(ErrorCode::SealBroken), RELAY_DOWN],
            Err(ErrorCode::RelayUnavailable),
            vec![0, 1, 2, 0, 2, 0, 2],
        ),
    ] {
        let world = World::new(does);
        assert_eq!(ask_once(&world.engine(), &CLOUD_ONLY), came, "{taken:?}");
        assert_eq!(world.taken(), taken);
    }
}

#[test]
fn one_that_fails_twice_is_left_alone_for_a_while() {
    let world = World::new([RELAY_DOWN, Does::Answer, Does::Answer]);
    let engine = world.engine();
    for taken in [vec![0, 1], vec![0, 1], vec![1]] {
        assert!(ask_once(&engine, &CLOUD_ONLY).is_ok());
        assert_eq!(world.taken(), taken);
    }
    let left_alone: Vec<_> = engine.relays().iter().map(|(_, ms)| *ms > 0.0).collect();
    assert_eq!(left_alone, [true, false, false]);
    // Once it may be asked again, it comes first, and an answer makes it whole.
    let (_, wait) = engine.relays()[0];
    world.does.borrow_mut()[0] = Does::Answer;
    block_on(engine::Clock::sleep(engine.clock(), wait));
    assert!(ask_once(&engine, &CLOUD_ONLY).is_ok());
    assert_eq!(world.taken(), [0]);
}

#[test]
fn where_all_fail_only_a_question_that_somebody_waits_for_is_tried() {
    let world = World::new([RELAY_DOWN; 3]);
    let engine = world.engine();
    for _ in 0..2 {
        assert_eq!(
            ask_once(&engine, &CLOUD_ONLY),
            Err(ErrorCode::RelayUnavailable)
        );
    }
    world.taken();
    let patient = Policy {
        patience: Patience::Patient,
        ..CLOUD_ONLY.clone()
    };
    assert_eq!(
        ask_once(&engine, &patient),
        Err(ErrorCode::RelayUnavailable)
    );
    assert!(world.taken().is_empty());
    world.does.replace(vec![Does::Answer; 3]);
    assert!(ask_once(&engine, &CLOUD_ONLY).is_ok());
    assert_eq!(world.taken().len(), 1);
}

//! Answers that someone waits for go before those that nobody does.

use std::{
    cell::{Cell, RefCell},
    collections::HashSet,
    rc::Rc,
};

use futures::channel::oneshot;

use crate::calls::current_call;

/// Which calls nobody waits for, and how many of the others want the model.
#[derive(Clone, Default)]
pub(crate) struct Precedence(Rc<State>);

#[derive(Default)]
struct State {
    background: RefCell<HashSet<u32>>,
    urgent: Cell<usize>,
    /// Background calls that wait until nothing is urgent.
    waiting: RefCell<Vec<oneshot::Sender<()>>>,
}

impl Precedence {
    /// Nobody waits for `call`, until what comes back is dropped.
    pub(crate) fn register(&self, call: u32) -> Background {
        self.0.background.borrow_mut().insert(call);
        Background {
            precedence: self.clone(),
            call,
        }
    }

    /// Whether nobody waits for the call that runs.
    pub(crate) fn is_background(&self) -> bool {
        self.0.background.borrow().contains(&current_call())
    }

    /// Somebody waits for an answer, until what comes back is dropped.
    pub(crate) fn urgent(&self) -> Urgent {
        self.0.urgent.set(self.0.urgent.get() + 1);
        Urgent(self.clone())
    }

    /// Whether somebody waits for an answer.
    pub(crate) fn is_urgent(&self) -> bool {
        self.0.urgent.get() > 0
    }

    /// Resolves once nobody waits.
    pub(crate) async fn quiet(&self) {
        while self.is_urgent() {
            let (send, receive) = oneshot::channel();
            self.0.waiting.borrow_mut().push(send);
            // The sender is dropped or used when the last urgent answer is over; either way, look again.
            let _ = receive.await;
        }
    }
}

/// Forgets the call when dropped.
pub(crate) struct Background {
    precedence: Precedence,
    call: u32,
}

impl Drop for Background {
    fn drop(&mut self) {
        let mut background = self.precedence.0.background.borrow_mut();
        background.remove(&self.call);
    }
}

/// An answer that somebody waits for; it is over when this is dropped.
pub(crate) struct Urgent(Precedence);

impl Drop for Urgent {
    fn drop(&mut self) {
        let state = &self.0.0;
        state.urgent.set(state.urgent.get() - 1);
        if state.urgent.get() == 0 {
            for waiting in state.waiting.take() {
                // Whoever waited may be gone.
                let _ = waiting.send(());
            }
        }
    }
}

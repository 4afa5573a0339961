/* Commits and books. */
inline copy(to, from) {
  to.end = from.end; to.counted = from.counted; to.outcomes = from.outcomes; to.stopping = from.stopping;
  to.granted[0] = from.granted[0]; to.granted[1] = from.granted[1];
  to.seq[0] = from.seq[0]; to.seq[1] = from.seq[1];
  to.settled[0] = from.settled[0]; to.settled[1] = from.settled[1]
}
inline move(to, from) {
  to.welcome = from.welcome; to.grants = from.grants; to.ack = from.ack; to.cut = from.cut; to.leave = from.leave;
  from.welcome = 0; from.grants = 0; from.ack = 0; from.cut = 0; from.leave = 0
}
/* ControllerCore::Flush, as soon as no commit is in flight: what was decided before it is unknown to the world. */
inline flush() {
  if
  :: dirty && !committing ->
     copy(batch, mem);
     move(waiting[0], out[0]); move(waiting[1], out[1]);
     committing = 1; dirty = 0
  :: else
  fi
}
#define WAITS(w) (w.welcome || w.grants || w.ack || w.cut || w.leave)
/* Controller::Perform. */
inline let_out(i) {
  if
  :: WAITS(waiting[i]) && agent[i].link != DOWN ->
     to_agt[i]!waiting[i].welcome, waiting[i].grants, (waiting[i].ack || (waiting[i].welcome && ACKED_IN_WELCOME) -> batch.seq[i] : NO_ACK), waiting[i].cut, waiting[i].leave;
     clear(waiting[i])
  :: else -> if :: OLD_STREAM_DROPPED -> clear(waiting[i]) :: else fi
  fi
}
/* The view is published: totals never fall. */
inline publish(record) {
  if
  :: record.outcomes < published -> printf("BROKEN: the published total falls from %d to %d\n", published, record.outcomes); assert(false)
  :: else -> published = record.outcomes
  fi
}
inline commit() {
  copy(store, batch);
  printf("controller: the commit is durable (segments %d, outcomes %d), its messages go out\n", store.end, store.outcomes);
  check_books(store);
  let_out(0); let_out(1);
  if :: VIEW_WAITS -> publish(store) :: else fi;
  committing = 0;
  flush()
}
/* TestRun::OnReport, Ledger::Report, Aggregator::Add. */
inline count(i, number, slots, through) {
  printf("controller: counts report %d of agent %d\n", number, i);
  if
  :: (slots & mem.counted) -> printf("BROKEN: slots are counted twice\n"); assert(false)
  :: else
  fi;
  if
  :: (slots & mem.granted[i]) != slots -> printf("BROKEN: agent %d reports what it does not own\n", i); assert(false)
  :: else
  fi;
  mem.counted = mem.counted | slots;
  mem.outcomes = mem.outcomes + SIZE(slots);
  mem.settled[i] = MAX(mem.settled[i], through);
  mem.seq[i] = MAX(mem.seq[i], number);
  if :: !MARK_WITH_COUNTS -> store.seq[i] = mem.seq[i] :: else fi;
  if :: !VIEW_WAITS -> publish(mem) :: else fi
}

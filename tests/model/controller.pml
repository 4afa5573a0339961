/* The controller: what it does on its own and what it answers. Each option is one step of its home. */

/* The segments of the plan that agent i does not have, as it says or as its reports say: TestRun::OnAgentBack. */
#define HAS(i, plan) (SETTLED_KEPT -> MAX(plan, mem.settled[i]) : (plan))
inline give_again(i, plan) {
  if
  :: plan > mem.end -> printf("BROKEN: agent %d holds more than the plan\n", i); assert(false)
  :: else
  fi;
  if
  :: !GIVEN_AGAIN
  :: GIVEN_AGAIN && ONLY_MISSING -> out[i].grants = mem.granted[i] & ~BELOW(HAS(i, plan)) & ALL
  :: GIVEN_AGAIN && !ONLY_MISSING -> out[i].grants = mem.granted[i]
  fi;
  if :: mem.stopping && CUT_AGAIN -> out[i].cut = 1 :: else fi
}
/* ControllerCore::Release. */
inline release(i) {
  if
  :: joined[i] && drains[i] && !told[i] && !(recovering && TOLD_WHEN_RESUMED) -> told[i] = 1; out[i].leave = 1
  :: else
  fi
}
inline hear_hello(i, plan, draining) {
  printf("controller: Hello of agent %d, which holds %d segments\n", i, plan);
  joined[i] = 1; drains[i] = drains[i] || draining;
  out[i].welcome = 1; dirty = 1;
  if :: recovering -> said[i] = plan :: else -> give_again(i, plan) fi;
  release(i);
  flush()
}
#define FRESH(i, number) (number == mem.seq[i] + 1)
inline hear_report(i, number, slots, through) {
  if
  :: FRESH(i, number) || !COUNTED_ONCE -> count(i, number, slots, through)
  :: else ->
     if
     :: number > mem.seq[i] -> printf("BROKEN: report %d comes after %d: one is missing\n", number, mem.seq[i]); assert(false)
     :: else -> printf("controller: report %d of agent %d is known\n", number, i)
     fi
  fi;
  if
  :: ACK_WAITS -> out[i].ack = 1; dirty = 1
  :: else -> to_agt[i]!0, 0, mem.seq[i], 0, 0; dirty = 1
  fi;
  flush()
}
inline hear(i) {
  to_ctl[i]?what, p, q, r;
  if
  :: what == hello -> hear_hello(i, p, q)
  :: what == report -> hear_report(i, p, q, r)
  :: what == beat -> printf("controller: learns that agent %d drains\n", i); drains[i] = 1; release(i); dirty = 1; flush()
  :: what == cutdone -> printf("controller: agent %d says CutDone\n", i); cut_done[i] = 1
  fi;
  what = 0; p = 0; q = 0; r = 0
}
#define ELIGIBLE(i) (joined[i] && !(drains[i] && DRAINS_UNGRANTED))
inline give(i, slots) {
  mem.granted[i] = mem.granted[i] | (slots);
  if
  :: GRANT_WAITS -> out[i].grants = out[i].grants | (slots)
  :: else -> if :: ROOM_DOWN(i) -> to_agt[i]!0, slots, NO_ACK, 0, 0 :: else fi
  fi
}
/* TestRun::Append: one segment, to whom it chooses of the eligible; to nobody when it begins too soon. */
inline append() {
  if
  :: ELIGIBLE(0) && ELIGIBLE(1) && ARCS_DISJOINT ->
     printf("controller: appends segment %d, half to each agent\n", mem.end);
     give(0, 1 << (2 * mem.end)); give(1, 2 << (2 * mem.end))
  :: ELIGIBLE(0) && ELIGIBLE(1) && !ARCS_DISJOINT ->
     printf("controller: appends segment %d, all of it to each agent\n", mem.end);
     give(0, SEGMENT(mem.end)); give(1, SEGMENT(mem.end))
  :: ELIGIBLE(0) && !ELIGIBLE(1) ->
     printf("controller: appends segment %d for agent 0\n", mem.end);
     give(0, SEGMENT(mem.end))
  :: ELIGIBLE(1) && !ELIGIBLE(0) ->
     printf("controller: appends segment %d for agent 1\n", mem.end);
     give(1, SEGMENT(mem.end))
  :: (!ELIGIBLE(0) && !ELIGIBLE(1)) || recovered ->
     printf("controller: appends segment %d for nobody\n", mem.end);
     mem.counted = mem.counted | SEGMENT(mem.end); mem.outcomes = mem.outcomes + 2
  fi;
  mem.end = mem.end + 1;
  dirty = 1; flush()
}
/* TestRun::Resume. */
inline resume() {
  printf("controller: knows the test's time again and goes on\n");
  recovering = 0;
  if :: joined[0] -> give_again(0, said[0]) :: else fi;
  if :: joined[1] -> give_again(1, said[1]) :: else fi;
  said[0] = 0; said[1] = 0;
  release(0); release(1);
  dirty = 1; flush()
}
/* TestRun::CheckFinal: every owner said CutDone. */
#define OWNER(i) (mem.granted[i] != 0)
#define SURE ((!OWNER(0) || cut_done[0]) && (!OWNER(1) || cut_done[1]))
/* TestRun::Stop. */
inline stop() {
  printf("user: stops the test\n");
  stops_asked++;
  mem.stopping = 1;
  if :: joined[0] && !recovering -> out[0].cut = 1 :: else fi;
  if :: joined[1] && !recovering -> out[1].cut = 1 :: else fi;
  if :: !STOP_DURABLE -> stopped = SURE :: else fi;
  dirty = 1; flush()
}

proctype Controller() {
  mtype what; byte p, q, r; bit recovered;
end:
  do
  :: atomic { up && len(to_ctl[0]) > 0 && (ACK_WAITS || ROOM_DOWN(0)) -> hear(0) }
  :: atomic { up && len(to_ctl[1]) > 0 && (ACK_WAITS || ROOM_DOWN(1)) -> hear(1) }
  :: atomic { up && !recovering && !mem.stopping && mem.end < SEGMENTS -> recovered = (faults_crash > 0); append(); recovered = 0 }
  :: atomic { up && recovering -> resume() }
  :: atomic { up && committing && ROOM_DOWN(0) && ROOM_DOWN(1) -> commit() }
  :: atomic { up && !recovering && mem.stopping && store.stopping && !stopped && (!STOPPED_WHEN_SURE || SURE) ->
     printf("controller: says that the test is stopped\n"); stopped = 1 }
  od
}

/* The fleet protocol: a controller that can crash anywhere, two agents, streams that can break anywhere.
 * check.py runs it; docs/model.md says how to read it. Bounds of a run: */
#ifndef BREAKS
#define BREAKS 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef DRAINS
#define DRAINS 0
#endif
#ifndef STOPS
#define STOPS 0
#endif
#ifndef FORGETS
#define FORGETS 0
#endif
#include "rules.pml"
#include "state.pml"
#include "stream.pml"
#include "properties.pml"
#include "ledger.pml"
#include "controller.pml"
#include "agent.pml"

/* The process is gone: what was not committed is lost, and the commit in flight may have reached the disk. */
inline crash() {
  faults_crash++;
  if
  :: committing -> copy(store, batch); printf("fault: the controller crashes, its commit is on disk\n"); check_books(store)
  :: printf("fault: the controller crashes\n")
  fi;
  up = 0; committing = 0; dirty = 0;
  break_stream(0); break_stream(1);
  clear(out[0]); clear(out[1]); clear(waiting[0]); clear(waiting[1]);
  drains[0] = 0; drains[1] = 0; cut_done[0] = 0; cut_done[1] = 0; recovering = 0;
  copy(mem, store); copy(batch, store)
}
inline restart() {
  printf("controller: starts again from its store\n");
  up = 1; recovering = 1;
  if :: !KEY_OUTLIVES -> mem.seq[0] = 0; mem.seq[1] = 0 :: else fi
}

proctype World() {
end:
  do
  :: atomic { faults_crash < CRASHES && up -> crash() }
  :: atomic { !up -> restart() }
  :: atomic { faults_break < BREAKS && agent[0].link != DOWN -> faults_break++; printf("fault: the stream of agent 0 breaks\n"); break_stream(0) }
  :: atomic { faults_break < BREAKS && agent[1].link != DOWN -> faults_break++; printf("fault: the stream of agent 1 breaks\n"); break_stream(1) }
  :: atomic { faults_death < DEATHS && !agent[0].dead -> faults_death++; printf("fault: agent 0 dies\n");
     agent[0].dead = 1; agent[0].held = 0; agent[0].pending = 0; break_stream(0) }
  :: atomic { drains_asked < DRAINS && !agent[1].draining && !agent[1].dead && ROOM_UP(1) -> drains_asked++; agent[1].draining = 1; printf("agent 1: begins to drain\n");
     if :: agent[1].link == WELCOMED -> to_ctl[1]!beat, 0, 0, 0 :: else fi }
  :: atomic { stops_asked < STOPS && up && !mem.stopping -> stop() }
  :: atomic { timeout && !ended -> ended = 1; check_end() }
  od
}
init { atomic { run Controller(); run AgentOf(0); run AgentOf(1); run World() } }

/* What must hold. The others stand where they are broken: a slot fired twice or after a stop (agent.pml), an acknowledgement of what is not durable
 * (agent.pml), slots counted twice and a total that falls (ledger.pml). */

#define OUTSTANDING(r) ((r.granted[0] | r.granted[1]) & ~r.counted)
/* planned = outcomes + outstanding, in every committed state. */
inline check_books(r) {
  if
  :: 2 * r.end != r.outcomes + SIZE(OUTSTANDING(r)) ->
     printf("BROKEN: planned %d, outcomes %d, outstanding %d\n", 2 * r.end, r.outcomes, SIZE(OUTSTANDING(r))); assert(false)
  :: else
  fi
}
/* Nothing can happen any more: all of an agent that lived, or left as it should, is in the books. */
#define UNKNOWN(i) (!agent[i].dead && (store.granted[i] & ~store.counted))
inline check_end() {
  printf("end: nothing more can happen\n");
  if
  :: UNKNOWN(0) || UNKNOWN(1) -> printf("BROKEN: results of an agent that did not die are never counted\n"); assert(false)
  :: else
  fi;
  if
  :: (agent[0].draining && !agent[0].dead && !agent[0].left) || (agent[1].draining && !agent[1].dead && !agent[1].left) ->
     printf("BROKEN: a draining agent never leaves\n"); assert(false)
  :: else
  fi;
  if
  :: store.stopping && !stopped && !agent[0].dead && !agent[1].dead && !agent[0].left && !agent[1].left ->
     printf("BROKEN: a stop is never certain\n"); assert(false)
  :: else
  fi;
  if
  :: (store.end < SEGMENTS && !store.stopping) || dirty || committing -> printf("BROKEN: the plan never ends\n"); assert(false)
  :: else
  fi
}

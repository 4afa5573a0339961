/* An agent: AgentCore and its engine. */
#define PRESENT (!agent[i].dead && !agent[i].left)
#define OWES (agent[i].pending || agent[i].kepts)
#define FIRST(s) ((s) & 3 -> 0 : ((s) & 12 -> 1 : 2)) /* the first segment of a set of slots */

/* AgentCore::OnGrant, in ascending k; a segment that is known is ignored. */
inline take(slots) {
  k = 0;
  do
  :: k < SEGMENTS ->
     grant = (slots) & SEGMENT(k);
     if
     :: grant && (k >= agent[i].plan || !KNOWN_IGNORED) ->
        agent[i].plan = MAX(agent[i].plan, k + 1);
        if
        :: agent[i].cut -> agent[i].pending = agent[i].pending | grant /* cancelled */
        :: else -> agent[i].held = agent[i].held | grant
        fi;
        printf("agent %d: takes the grant of segment %d\n", i, k)
     :: else
     fi;
     k++
  :: else -> break
  od;
  k = 0; grant = 0
}
/* ReportQueue::Acknowledge: reports up to `number` are forgotten. The oldest kept one is seq - kepts + 1. */
inline acknowledge(number) {
  do
  :: agent[i].kepts && agent[i].seq - agent[i].kepts + 1 <= number ->
     if
     :: (agent[i].kept[0] & ~store.counted) -> printf("BROKEN: agent %d has an acknowledgement of what is not durable\n", i); assert(false)
     :: else
     fi;
     agent[i].kept[0] = agent[i].kept[1]; agent[i].kept_settled[0] = agent[i].kept_settled[1];
     agent[i].kept[1] = 0; agent[i].kept_settled[1] = 0;
     agent[i].kepts--
  :: else -> break
  od
}
/* AgentCore::SendReports after a Welcome: what is kept, unchanged, oldest first. */
inline send_again() {
  if
  :: agent[i].kepts > 0 -> to_ctl[i]!report, agent[i].seq - agent[i].kepts + 1, agent[i].kept[0], agent[i].kept_settled[0]
  :: else
  fi;
  if
  :: agent[i].kepts > 1 -> to_ctl[i]!report, agent[i].seq, agent[i].kept[1], agent[i].kept_settled[1]
  :: else
  fi
}
/* AgentCore::OnTestMessage. */
inline listen() {
  to_agt[i]?w, g, n, x, l;
  if :: w -> printf("agent %d: is welcomed\n", i); agent[i].link = WELCOMED :: else fi;
  take(g);
  if :: n != NO_ACK -> acknowledge(n) :: else fi;
  if
  :: w -> send_again(); if :: agent[i].draining -> to_ctl[i]!beat, 0, 0, 0 :: else fi
  :: else
  fi;
  if
  :: x ->
     printf("agent %d: cuts the test\n", i);
     agent[i].cut = 1; agent[i].pending = agent[i].pending | agent[i].held; agent[i].held = 0;
     to_ctl[i]!cutdone, 0, 0, 0
  :: else
  fi;
  if :: l -> printf("agent %d: hears that nothing is on its way\n", i); agent[i].may_leave = 1 :: else fi;
  w = 0; g = 0; n = 0; x = 0; l = 0
}
/* The engine fires what is due: one segment, oldest first. */
inline fire() {
  k = FIRST(agent[i].held);
  grant = agent[i].held & SEGMENT(k);
  printf("agent %d: fires its slots of segment %d\n", i, k);
  if :: (sent & grant) -> printf("BROKEN: a slot is fired twice\n"); assert(false) :: else fi;
  if :: stopped -> printf("BROKEN: a slot is fired after the test was said to be stopped\n"); assert(false) :: else fi;
  sent = sent | grant;
  agent[i].held = agent[i].held & ~grant;
  agent[i].pending = agent[i].pending | grant;
  k = 0; grant = 0
}
/* ReportQueue::MakeReport. */
inline make_report() {
  agent[i].seq++;
  k = (agent[i].held -> FIRST(agent[i].held) : agent[i].plan);
  printf("agent %d: sends report %d\n", i, agent[i].seq);
  to_ctl[i]!report, agent[i].seq, agent[i].pending, k;
  if
  :: SENT_AGAIN -> agent[i].kept[agent[i].kepts] = agent[i].pending; agent[i].kept_settled[agent[i].kepts] = k; agent[i].kepts++
  :: else
  fi;
  agent[i].pending = 0;
  k = 0
}
/* AgentCore::IsDrained. */
#define MAY_LEAVE (agent[i].may_leave || (!LEAVES_WHEN_TOLD && agent[i].link == WELCOMED && drains[i]))

proctype AgentOf(byte i) {
  bit w, x, l; byte g, n, k, grant;
end:
  do
  :: atomic { PRESENT && agent[i].link == DOWN && up ->
     printf("agent %d: connects and says Hello\n", i);
     agent[i].link = GREETED; to_ctl[i]!hello, agent[i].plan, agent[i].draining, 0 }
  :: atomic { PRESENT && len(to_agt[i]) > 0 &&
     len(to_ctl[i]) < 2 -> listen() }
  :: atomic { PRESENT && agent[i].held -> fire() }
  :: atomic { PRESENT && agent[i].pending && agent[i].kepts < KEPT && agent[i].link == WELCOMED && ROOM_UP(i) -> make_report() }
  :: atomic { PRESENT && agent[i].draining && MAY_LEAVE && !agent[i].held && !(OWES && LEAVES_ACKED) ->
     printf("agent %d: leaves\n", i); agent[i].left = 1; break_stream(i) }
  /* AgentCore::ForgetDryTests, after minutes without a controller. */
  :: atomic { PRESENT && agent[i].link == DOWN && forgets < FORGETS && agent[i].plan && !agent[i].held && !(OWES && OWED_KEPT) ->
     printf("agent %d: forgets the test that it settled\n", i); forgets++; agent[i].plan = 0 }
  od
}

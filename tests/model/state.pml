/* What there is: the store, the controller's memory, two streams, two agents, and a witness of what really happened.
 *
 * A slot is a bit of a byte: segment k has the slots 2k and 2k + 1. When both agents own k, agent 0 has the first and agent 1 the
 * second; one owner alone has both. So a byte is a set of slots, and a grant is such a set within one segment. */
#ifndef SEGMENTS
#define SEGMENTS 2
#endif
#define AGENTS 2
#define KEPT 2 /* reports in flight at most (4 in the code) */

#define SEGMENT(k) (3 << (2 * (k)))
#define BELOW(k) ((1 << (2 * (k))) - 1) /* the slots of the segments before k */
#define ALL BELOW(SEGMENTS)
#define SIZE(s) (((s) & 1) + (((s) >> 1) & 1) + (((s) >> 2) & 1) + (((s) >> 3) & 1) + (((s) >> 4) & 1) + (((s) >> 5) & 1))
#define MAX(a, b) ((a) > (b) -> (a) : (b))

/* What a commit makes durable: StoreBatch. */
typedef Record {
  byte end;              /* segments appended: 0 .. end - 1 */
  byte granted[AGENTS];  /* slots of the plan, by owner */
  byte counted;          /* slots with an outcome in the books, those without an owner included */
  byte outcomes;         /* the published sum of outcomes, added up report by report */
  byte seq[AGENTS];      /* high-water mark of the reports */
  byte settled[AGENTS];  /* the agent has an outcome for all it owned in segments before this one */
  bit stopping
};
/* What waits for the commit: the Outbox, one message an agent. */
typedef Out {
  bit welcome;
  byte grants;
  bit ack;
  bit cut;
  bit leave
};

Record store, mem, batch; /* durable; in memory; the commit in flight */
bit committing;
bit dirty;
Out out[AGENTS], waiting[AGENTS]; /* collected; those of the commit in flight */

bit up = 1, recovering;
bit joined[AGENTS];   /* the controller has the Hello of the stream */
bit drains[AGENTS];   /* and knows that the agent drains */
bit told[AGENTS];     /* may_leave was said on this stream */
bit cut_done[AGENTS];
byte said[AGENTS];    /* while recovering: plan_through of the Hello */
bit stopped;          /* the world was told that nothing more is sent */
byte published;

/* Streams: a link is down, greeted (Hello is on its way) or welcomed, as the agent sees it. */
#define DOWN 0
#define GREETED 1
#define WELCOMED 2
mtype = { hello, report, beat, cutdone };
chan to_ctl[AGENTS] = [6] of { mtype, byte, byte, byte };   /* what, and its arguments */
chan to_agt[AGENTS] = [3] of { bit, byte, byte, bit, bit }; /* welcome, grants, ack (255: none), cut, may_leave */
#define NO_ACK 255

typedef Agent {
  byte link;
  byte plan;        /* segments below were granted (plan_through + 1) */
  byte held;        /* granted slots without an outcome */
  byte pending;     /* slots with an outcome that is in no report yet */
  byte kept[KEPT];  /* reports that are not acknowledged, oldest first */
  byte kept_settled[KEPT];
  byte kepts;
  byte seq;         /* of the last report made */
  bit cut;
  bit draining;
  bit may_leave;
  bit left;
  bit dead
};
Agent agent[AGENTS];

/* Nobody reads these but the properties. */
byte sent;       /* slots that were fired */
byte faults_break, faults_crash, faults_death, drains_asked, stops_asked, forgets, ended;

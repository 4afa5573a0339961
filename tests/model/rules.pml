/* The rules of the protocol, each a switch: -DNO_X takes X away. RULES in check.py says what each means. */
#ifdef NO_GRANT_WAITS
#define GRANT_WAITS 0
#else
#define GRANT_WAITS 1
#endif
#ifdef NO_ACK_WAITS
#define ACK_WAITS 0
#else
#define ACK_WAITS 1
#endif
#ifdef NO_VIEW_WAITS
#define VIEW_WAITS 0
#else
#define VIEW_WAITS 1
#endif
#ifdef NO_ARCS_DISJOINT
#define ARCS_DISJOINT 0
#else
#define ARCS_DISJOINT 1
#endif
#ifdef NO_GIVEN_AGAIN
#define GIVEN_AGAIN 0
#else
#define GIVEN_AGAIN 1
#endif
#ifdef NO_KNOWN_IGNORED
#define KNOWN_IGNORED 0
#else
#define KNOWN_IGNORED 1
#endif
#ifdef NO_ONLY_MISSING
#define ONLY_MISSING 0
#else
#define ONLY_MISSING 1
#endif
#ifdef NO_SENT_AGAIN
#define SENT_AGAIN 0
#else
#define SENT_AGAIN 1
#endif
#ifdef NO_COUNTED_ONCE
#define COUNTED_ONCE 0
#else
#define COUNTED_ONCE 1
#endif
#ifdef NO_KEY_OUTLIVES
#define KEY_OUTLIVES 0
#else
#define KEY_OUTLIVES 1
#endif
#ifdef NO_MARK_WITH_COUNTS
#define MARK_WITH_COUNTS 0
#else
#define MARK_WITH_COUNTS 1
#endif
#ifdef NO_OLD_STREAM_DROPPED
#define OLD_STREAM_DROPPED 0
#else
#define OLD_STREAM_DROPPED 1
#endif
#ifdef NO_SETTLED_KEPT
#define SETTLED_KEPT 0
#else
#define SETTLED_KEPT 1
#endif
#ifdef NO_OWED_KEPT
#define OWED_KEPT 0
#else
#define OWED_KEPT 1
#endif
#ifdef NO_LEAVES_WHEN_TOLD
#define LEAVES_WHEN_TOLD 0
#else
#define LEAVES_WHEN_TOLD 1
#endif
#ifdef NO_TOLD_WHEN_RESUMED
#define TOLD_WHEN_RESUMED 0
#else
#define TOLD_WHEN_RESUMED 1
#endif
#ifdef NO_LEAVES_ACKED
#define LEAVES_ACKED 0
#else
#define LEAVES_ACKED 1
#endif
#ifdef NO_DRAINS_UNGRANTED
#define DRAINS_UNGRANTED 0
#else
#define DRAINS_UNGRANTED 1
#endif
#ifdef NO_CUT_AGAIN
#define CUT_AGAIN 0
#else
#define CUT_AGAIN 1
#endif
#ifdef NO_STOPPED_WHEN_SURE
#define STOPPED_WHEN_SURE 0
#else
#define STOPPED_WHEN_SURE 1
#endif
#ifdef NO_STOP_DURABLE
#define STOP_DURABLE 0
#else
#define STOP_DURABLE 1
#endif
#ifdef NO_ACKED_IN_WELCOME
#define ACKED_IN_WELCOME 0
#else
#define ACKED_IN_WELCOME 1
#endif

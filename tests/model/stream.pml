/* The streams: in order, until they break; then what is on its way is lost, in both directions. */
#define ROOM_UP(i) (len(to_ctl[i]) < 4)
#define ROOM_DOWN(i) (len(to_agt[i]) < 3)

inline empty_streams(i) {
  do
  :: len(to_ctl[i]) > 0 -> to_ctl[i]?_, _, _, _
  :: len(to_agt[i]) > 0 -> to_agt[i]?_, _, _, _, _
  :: else -> break
  od
}
inline clear(o) { o.welcome = 0; o.grants = 0; o.ack = 0; o.cut = 0; o.leave = 0 }

/* ControllerCore::Lose and AgentCore::Drop. */
inline break_stream(i) {
  empty_streams(i);
  agent[i].link = DOWN;
  joined[i] = 0; told[i] = 0; said[i] = 0;
  if
  :: OLD_STREAM_DROPPED -> clear(out[i]); clear(waiting[i])
  :: else
  fi
}

#pragma once

// Every bound of Broadside, related to each other where they must agree. A limit says what happens
// at it.

#include <cstddef>
#include <cstdint>

#include "common/core/time.h"

namespace broadside::limits {

// --- The test spec (a value outside is a field error) ---
inline constexpr int64_t kRateMax = 10'000'000;                 // rps
inline constexpr int64_t kMicroRateMax = kRateMax * 1'000'000;  // micro-slots per second
inline constexpr Millis kTestDurationMax = std::chrono::hours(24 * 7);
inline constexpr int64_t kSlotsMax =
    9'000'000'000'000;  // of a test; in micro-slots it fits 63 bits
inline constexpr Millis kStageDurationMin{1};
inline constexpr size_t kStagesMax = 1000;
// Stages and live rate changes together; a change that would make one more is refused with 409.
inline constexpr size_t kCurvePiecesMax = 2 * kStagesMax;
inline constexpr Millis kTimeoutMin{1};
inline constexpr Millis kTimeoutMax = Seconds(250);
inline constexpr Millis kMaxLatenessMin{1};
inline constexpr Millis kMaxLatenessMax = Seconds(60);
inline constexpr Millis kMaxAgeMin{100};
inline constexpr Millis kMaxAgeMax = std::chrono::hours(24);
inline constexpr int kConnectionsPerAgentMax = 1'000'000;
inline constexpr size_t kNameCharsMax = 200;
inline constexpr size_t kUrlBytesMax = 8192;
inline constexpr size_t kMethodBytesMax = 64;
inline constexpr size_t kHeadersMax = 100;
inline constexpr size_t kHeaderNameBytesMax = 256;
inline constexpr size_t kHeaderBytesMax = 64 * 1024;  // all request headers together
inline constexpr size_t kRequestBodyBytesMax = 1 << 20;
inline constexpr int64_t kLocalPorts =
    28'232;                              // Linux: 32768 to 60999, for each address of the target
inline constexpr Seconds kPortHeld{60};  // a closed connection keeps its port so long
// Without keep-alive each request leaves a port behind; a higher rate of one agent is refused.
inline constexpr int64_t kNewConnectionsPerSecondMax = kLocalPorts / kPortHeld.count();
inline constexpr size_t kThresholdsPerMetricMax = 20;
inline constexpr size_t kThresholdBytesMax = 200;  // one expression
inline constexpr size_t kSpecNodesMax =
    200'000;  // values of a YAML spec, after its aliases are expanded
inline constexpr size_t kFieldErrorsMax = 50;  // of one spec; further ones are left out
inline constexpr int kAgentsMinMax = 20'000;

// --- Answers of the target ---
inline constexpr uint16_t kStatusMin = 100;  // a status outside is protocol_error
inline constexpr uint16_t kStatusMax = 999;
inline constexpr size_t kAnswerHeaderBytesMax = 64 * 1024;  // more is protocol_error
inline constexpr size_t kVersionsMax = 16;                  // further values are counted as "other"
inline constexpr size_t kVersionBytesMax = 64;              // longer values are cut

// --- The fleet ---
inline constexpr int kAgentsMax =
    20'000;  // connected ones; a further Hello is rejected. With lost ones that are still shown,
             // the oldest of which are forgotten
inline constexpr int kShardsMax = 256;
inline constexpr int kTestsInMessageMax = 64;  // of which one stream message may speak
inline constexpr size_t kTestIdBytesMax = 64;
inline constexpr size_t kVersionTextBytesMax = 128;  // of a program, and a store's uuid
inline constexpr size_t kDetailBytesMax = 4096;      // a line for people in a message
inline constexpr int64_t kClockNanosMax =
    int64_t{1} << 61;  // of any stamp, either side of 0: 73 years, so that three add up in 64 bits
inline constexpr int64_t kCountMax = 10'000'000'000'000;  // any count of one agent and interval
inline constexpr uint64_t kIntervalBytesMax =
    uint64_t{1} << 56;                      // bytes sent or received by one agent in one interval
inline constexpr int kTestsRunningMax = 8;  // a further test is refused with 429
inline constexpr size_t kAgentNameBytesMax = 253;
inline constexpr size_t kGoneAgentsMax =
    100'000;  // whose last report number is remembered; the oldest are forgotten
inline constexpr int kHellosPerSecondMax = 500;  // more get Reject{retry_after}
inline constexpr int kReportsInFlightMax = 4;    // newer results merge into one pending delta
inline constexpr size_t kFleetMessageBytesMax = 16u << 20;  // a longer message ends the stream

// --- Plan ---
inline constexpr int64_t kRatePerOwner =
    50;  // rps: a small test uses no more owners than this gives
inline constexpr Seconds kHorizonDefault{3};
inline constexpr Seconds kHorizonMin{2};  // docs/adr/0010-horizon-from-two-seconds.md
inline constexpr Seconds kHorizonMax{30};
inline constexpr int64_t kSegmentMax =
    7 * 24 * 3600 + 600;  // number of a segment or interval: the last answers come after the end
inline constexpr Seconds kBridge{20};
inline constexpr Millis kGrantLeadMin{300};  // a segment that starts sooner is appended ownerless
inline constexpr Millis kStartLead{2000};
inline constexpr Millis kStartLeadEmbedded{500};
inline constexpr Seconds kAgentsReadyTimeout{60};            // pending longer: failed
inline constexpr std::chrono::minutes kControllerGapMax{5};  // a longer gap ends the test as failed
inline constexpr Millis kRecoverMin{
    1000};  // a restarted controller waits for half of the owners' Hellos,
inline constexpr Millis kRecoverMax{3000};                 // between these two
inline constexpr std::chrono::minutes kLostAgentShown{5};  // then it is forgotten
inline constexpr Seconds kFinalGrace{10};  // final at end + max_lateness + timeout + this
inline constexpr Millis kCloseAfter{
    2500};  // a second is closed this long after its end at the latest

// --- Stream ---
inline constexpr Millis kBeatSmallFleet{500};
inline constexpr Millis kBeatLargeFleet{1000};
inline constexpr Millis kReportHugeFleet{2000};  // between reports; the beats go on
inline constexpr int kLargeFleet = 200;          // connected agents; further ones beat less often
inline constexpr int kHugeFleet = 5000;          // connected agents; further ones report less often
inline constexpr int kSilenceBeats = 4;          // silence D is this many beats
inline constexpr Seconds kWelcomeTimeout{15};
inline constexpr Millis kBackoffMin{200};
inline constexpr Millis kBackoffMax{2000};
inline constexpr int kClockExchanges = 16;
inline constexpr Millis kClockErrorSuspect{50};
inline constexpr Millis kClockErrorMax{250};  // above: no further segments
inline constexpr int kSlewPpm = 500;
inline constexpr Millis kReportSpread{300};
inline constexpr size_t kOutboxMessagesMax =
    256;  // waiting behind the write in flight; one more ends the stream (slow consumer)
inline constexpr size_t kOutboxBytesMax =
    2 * kFleetMessageBytesMax;  // of those; more ends the stream (slow consumer)
inline constexpr Seconds kStreamCloseTimeout{
    5};  // a peer that does not end a closed stream in time is cancelled
inline constexpr int kFleetStreamsMax =
    kAgentsMax + kAgentsMax / 4;  // room for Hellos to be rejected; a further stream is refused
inline constexpr size_t kStatusDetailBytesMax =
    1024;  // of the status that ends a stream; longer ones are cut
inline constexpr Seconds kConnectAttemptTimeout{
    5};  // of one connection to the controller, up to the HTTP/2 settings
inline constexpr Seconds kFleetStopTimeout{
    30};  // streams that are still open then are a bug: the process aborts

// --- The verdict on the generator ---
inline constexpr double kLostShareMax =
    0.01;  // skipped + local_error + unknown + unassigned: above is invalid
inline constexpr Millis kSendLagSuspect{20};  // p99
inline constexpr Millis kSendLagInvalid{100};
inline constexpr double kCpuSaturated = 0.95;  // of a sending thread, open loop
inline constexpr double kCpuSaturatedSeconds = 5;
inline constexpr Millis kLoopDelaySuspect{500};    // of a home loop
inline constexpr double kThrottledSuspect = 0.05;  // of the scheduling periods
inline constexpr double kQuarantineSkippedShare =
    0.05;  // of an interval's slots, in kQuarantineIntervals: half weight
inline constexpr int kQuarantineIntervals = 3;

// --- REST ---
inline constexpr size_t kRequestBytesMax = 4u << 20;         // more is 413
inline constexpr size_t kRequestHeaderBytesMax = 32 * 1024;  // more is 431
inline constexpr int kJsonDepthMax = 64;                     // deeper is 422
inline constexpr int kHttpConnectionsMax = 1024;             // further ones are closed at once
inline constexpr size_t kSseBufferBytesMax =
    1u << 20;  // a slower reader is closed; it resumes by Last-Event-ID
inline constexpr Millis kHttpIdleTimeout =
    Seconds(75);  // a kept connection without a request is closed
inline constexpr Millis kHttpReadTimeout =
    Seconds(15);  // a request that takes longer to arrive gets 408
inline constexpr Millis kHttpWriteTimeout =
    Seconds(15);                               // a client that reads nothing for so long is closed
inline constexpr Millis kHttpStopGrace{2000};  // answers under way at a stop
inline constexpr Millis kSseHeartbeat = Seconds(10);  // a comment on a quiet event stream
inline constexpr int kEventStreamsMax = 512;          // open event streams; a further one gets 503
inline constexpr int kPageItemsDefault = 50;
inline constexpr int kPageItemsMax = 1000;
inline constexpr size_t kIdempotencyKeyBytesMax = 255;

// --- Memory of the controller ---
inline constexpr int kTestsInMemoryMax = 100;   // ended tests beyond are in the store only
inline constexpr int kUpdatesInMemoryMax = 64;  // of a test's event stream; older ones are read
                                                // from the store
inline constexpr int kIntervalsRestored =
    64;  // settled ones of a running test that a restart reads; the last closed one is among them
inline constexpr int kAuditRowsMax = 100'000;

// --- The demo target ---
inline constexpr size_t kTargetBodyBytesMax = 64u << 20;    // a larger --body-size is refused
inline constexpr size_t kTargetHeaderBytesMax = 64 * 1024;  // of a request; more is 431
inline constexpr size_t kTargetChunkLineBytesMax = 1024;    // a longer chunk line is 400
inline constexpr Nanos kTargetLatencyMax = std::chrono::hours(1);  // longer samples are cut to it
inline constexpr int kTargetThreadsMax = 64;
inline constexpr size_t kTargetStallsMax = 100;
inline constexpr size_t kTargetPipelineMax =
    32;  // answers owed on a connection; then it is not read
inline constexpr int64_t kTargetConnectionsMax = 100'000;  // further ones are closed at once
inline constexpr int64_t kTargetBinsMax = 360'000;      // 1 h of 10 ms; later requests are summed
inline constexpr int64_t kTargetSlotsMax = 10'000'000;  // higher slot numbers are only counted

static_assert(kTimeoutMax < Seconds(256), "a timeout must fit the histogram's range of 2^8 s");
static_assert(kNewConnectionsPerSecondMax == 470, "documents say so");
static_assert(kHorizonMin <= kHorizonDefault && kHorizonDefault <= kHorizonMax);
static_assert(kSegment + kGrantLeadMin < kHorizonMin,
              "the segment after the one that runs must fit, and come in time");
static_assert(kReportHugeFleet + kReportSpread < kCloseAfter,
              "a second must be reported before it is closed");
static_assert(kRequestBodyBytesMax < kRequestBytesMax,
              "a spec with the largest body must fit a request");
static_assert(kRateMax * (kTestDurationMax / Seconds(1)) <= kSlotsMax,
              "the largest test must have numbers for its slots");
static_assert(kSlotsMax <= INT64_MAX / 1'000'000,
              "all slots of a test in micro-slots must fit 64 bits");
static_assert(kTestDurationMax + kTimeoutMax + kMaxLatenessMax < Seconds(kSegmentMax));
static_assert(kTestsRunningMax <= kTestsInMessageMax);
static_assert(kAgentsMinMax <= kAgentsMax,
              "a test must not wait for more agents than there can be");
static_assert(kMicroRateMax <= INT64_MAX / 2 / 1000, "a rate times milliseconds must fit 64 bits");

}  // namespace broadside::limits

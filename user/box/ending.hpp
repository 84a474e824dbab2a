// Signals that end what box is doing: it takes back what it has begun, and then ends as if they had ended it.
#pragma once

namespace cv6::box {

// From now on ^C, SIGTERM and SIGHUP end what box waits for (EINTR), not box; that nobody reads what it writes is an error
// (EPIPE), not its end.
void end_by_signals();

// One of them has come.
bool is_ending();
// Throws Failure then. Between the parts of what takes long.
void stop_if_ending();

}  // namespace cv6::box

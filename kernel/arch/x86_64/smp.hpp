// Processors asking things of each other.
#pragma once

namespace cv6::arch {

// Serves the flush_others() of another processor that waits for this one, if there is one.
void answer_flush_request();
// stop_other_cpus() was called: whoever gets a non-maskable interrupt stops.
bool stop_requested();

}  // namespace cv6::arch

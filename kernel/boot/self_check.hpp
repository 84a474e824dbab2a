// `cv6.self-check`: a boot that shows that processors, threads, timers and ports work, without any process.
#pragma once

namespace cv6 {

// Starts the threads of the check; when they have ended, the machine is powered off. Called once, when all processors run.
void start_self_check();

}  // namespace cv6

// The scheduler log of a container: each decision of its virtual scheduler, one line on the file that was named when the log
// was switched on. The threads that were chosen print it, on their way to user mode.
#pragma once

#include "fs/file.hpp"
#include "task/user_thread.hpp"

namespace cv6 {

// On, printed to `file` (null: only kept, to be read), or with another file than before. Error::nomem.
Result<void> start_scheduler_log(Container& container, Ref<File> file);
void stop_scheduler_log(Container& container);
// With UserThread::work_decisions.
void print_decisions(UserThread& thread);

}  // namespace cv6

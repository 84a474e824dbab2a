#include "task/scheduler_log.hpp"

#include "lib/format.hpp"
#include "task/process.hpp"

namespace cv6 {

Result<void> start_scheduler_log(Container& container, Ref<File> file) {
  TRY(container.sched_context().start_log());
  container.set_scheduler_log(std::move(file));
  return {};
}

void stop_scheduler_log(Container& container) {
  container.sched_context().stop_log();
  container.set_scheduler_log(nullptr);
}

void print_decisions(UserThread& thread) {
  thread.remove_work(UserThread::work_decisions);
  Container& container = thread.process().container();
  const Ref<File> file = container.scheduler_log();
  if (!file) return;
  // That it is chosen again because it waited here is not a decision to print: there would be no end.
  thread.reports_decisions = true;
  Decision decision;
  while (container.sched_context().take_decision(decision)) {
    char text[64];
    const std::string_view line =
        format_to(text, "Container:{}\tScheduling process:{}\n", container.id(), decision.process);
    IoBuffer from = IoBuffer::kernel(std::span<const char>(line));
    if (!file->write(from)) break;  // a signal, or nobody reads it: what is left is printed the next time
  }
  thread.reports_decisions = false;
}

}  // namespace cv6

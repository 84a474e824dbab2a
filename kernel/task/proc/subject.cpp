#include "task/proc/subject.hpp"

#include "container/manager.hpp"

namespace cv6::proc {

namespace {

// As whoever looks counts. The first thread has the number of its process, so which of the two is meant counts as well.
std::uint64_t make_inode_number(const Pid& pid, unsigned is_thread, std::uint64_t part) {
  return (static_cast<std::uint64_t>(pid.number_in(viewer())) * 2 + is_thread) * Subject::parts + part;
}

}  // namespace

Result<Subject> Subject::of_process(int number) {
  if (!find_process(viewer(), number)) {
    // Every thread's number leads to a directory, though only those of processes are listed (proc(5)).
    const Result<Ref<UserThread>> thread = find_thread(viewer(), number);
    if (!thread) return Error::noent;
    const Subject process = TRY(of_process((*thread)->process().pid()->number_in(viewer())));
    return process.with_thread(number);
  }
  Ref<Pid> pid = viewer().pids().find(number);
  if (!pid) return Error::noent;
  return Subject(std::move(pid));
}

Result<Subject> Subject::with_thread(int number) const {
  const Result<Ref<Process>> process = this->process();
  if (!process || !thread_of(**process, viewer(), number)) return Error::noent;
  Ref<Pid> tid = viewer().pids().find(number);
  if (!tid) return Error::noent;
  return Subject(process_, std::move(tid));
}

int Subject::number() const { return process_->number_in(viewer()); }

Result<Ref<Process>> Subject::process() const {
  const int number = this->number();
  if (number == 0) return Error::srch;
  return find_process(viewer(), number);
}

Result<Ref<UserThread>> Subject::thread() const {
  Ref<Process> process = TRY(this->process());
  Ref<UserThread> thread =
      thread_ ? thread_of(*process, viewer(), thread_->number_in(viewer())) : process->some_thread();
  if (!thread) return Error::srch;
  return thread;
}

Result<Ref<Process>> Subject::inspected_process() const {
  return inspect([](Process& process) { return Ref<Process>(&process); });
}

Subject::Owner Subject::owner(OwnerOf what) const {
  const Result<Ref<Process>> process = this->process();
  if (!process || (what == OwnerOf::undumpable && !(*process)->dumpable)) return {};
  const Ref<const Credentials> credentials = (*process)->hold_credentials();
  if (!credentials) return {};
  return {credentials->ids().effective_user, credentials->ids().effective_group};
}

std::uint64_t Subject::inode_number(std::uint64_t part) const {
  return thread_ ? make_inode_number(*thread_, 1, part) : make_inode_number(*process_, 0, part);
}

std::uint64_t Subject::process_inode_number(int number) {
  const Ref<Pid> pid = viewer().pids().find(number);
  return pid ? make_inode_number(*pid, 0, 0) : 0;
}

std::uint64_t Subject::thread_inode_number(int number) {
  const Ref<Pid> tid = viewer().pids().find(number);
  return tid ? make_inode_number(*tid, 1, 0) : 0;
}

Result<void> print_path(Output& out, const Path& path) {
  Own<char[]> buffer(new (std::nothrow) char[path_max]);
  if (!buffer) return Error::nomem;
  const PathText text = TRY(path_text(path, Process::current().fs().root(), {buffer.get(), path_max}));
  out.write(text.text);
  if (text.removed) out.write(" (deleted)");
  return {};
}

}  // namespace cv6::proc

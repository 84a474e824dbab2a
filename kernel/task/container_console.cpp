#include "task/container_console.hpp"

#include "fs/job_control.hpp"
#include "task/process.hpp"

namespace cv6 {

namespace {

Ref<File> console_of(Process& process) {
  constexpr OpenFlags flags = open_flag::write | open_flag::nonblock;
  if (auto terminal = open_controlling_terminal(flags)) {
    (*terminal)->set_up({}, flags, process.credentials());
    return *std::move(terminal);
  }
  auto error_output = process.files().get(2);
  if (!error_output || !(*error_output)->writable()) return nullptr;
  const FileType type = (*error_output)->inode().type();
  if (type != FileType::character_device && type != FileType::fifo) return nullptr;
  if (!((*error_output)->poll(nullptr) & poll_event::out)) return nullptr;
  return *std::move(error_output);
}

}  // namespace

void print_on_console(std::string_view lines) {
  if (Process::current().container().print(lines)) return;
  const Ref<File> console = console_of(Process::current());
  if (!console) return;
  IoBuffer text = IoBuffer::kernel(std::span<const char>(lines));
  (void)console->write(text);
}

}  // namespace cv6

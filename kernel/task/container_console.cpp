#include "task/container_console.hpp"

#include "fs/job_control.hpp"
#include "task/process.hpp"

namespace cv6 {

Ref<File> find_substitute_console() {
  Process& process = Process::current();
  constexpr OpenFlags flags = open_flag::write | open_flag::nonblock;
  if (auto terminal = open_controlling_terminal()) {
    (*terminal)->set_up({}, flags, process.credentials());
    return *std::move(terminal);
  }
  auto error_output = process.files().get(2);
  if (!error_output || !(*error_output)->writable()) return nullptr;
  const FileType type = (*error_output)->inode().type();
  if (type != FileType::character_device && type != FileType::fifo) return nullptr;
  return *std::move(error_output);
}

void print_on_console(Container& container, File* substitute, std::string_view line) {
  if (container.print(line)) return;
  if (!substitute || !(substitute->poll(nullptr) & poll_event::out)) return;
  IoBuffer text = IoBuffer::kernel(std::span<const char>(line));
  (void)substitute->write(text);
}

void print_on_console(std::string_view line) {
  const Ref<File> substitute = find_substitute_console();
  print_on_console(Process::current().container(), substitute.get(), line);
}

}  // namespace cv6

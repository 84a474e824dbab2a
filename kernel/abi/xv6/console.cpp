#include "abi/xv6/console.hpp"

#include "container/console_file.hpp"
#include "fs/job_control.hpp"
#include "task/container_console.hpp"

namespace cv6::xv6_abi {

namespace {

constexpr int standard_output = 1;

// A program's own output, if that is a device: not a file or a pipe that the output was sent to.
Ref<File> find_output(const Process& process) {
  auto output = process.files().get(standard_output);
  const bool is_device = output && (*output)->writable() && (*output)->inode().type() == FileType::character_device;
  return is_device ? *std::move(output) : nullptr;
}

Ref<File> find_console(const Process& process) {
  constexpr OpenFlags both = open_flag::read | open_flag::write;
  if (auto terminal = open_controlling_terminal()) {
    (*terminal)->set_up({}, both, process.credentials());
    return *std::move(terminal);
  }
  if (Ref<File> output = find_output(process)) return output;
  return find_substitute_console();
}

}  // namespace

Result<Ref<File>> open_console_of(const Process& process) {
  Container& container = process.container();
  Ref<File> attached = container.console().attached();
  Ref<File> shown = attached ? attached : find_console(process);
  // The program may print there already: it is not to be kept twice, nor more often with each open of the device.
  if (Ref<File> already = shown ? shown->console_of(container) : nullptr) return already;
  if (!container.is_host())
    return open_console_output(process.container_ref(), ContainerConsole::Stream::output, std::move(shown), process.credentials(),
                               Attach::no);
  if (!shown) return Error::nxio;
  return shown;
}

Result<void> print_line(File& console, std::string_view line) {
  while (!line.empty()) {
    IoBuffer text = IoBuffer::kernel(std::span<const char>(line));
    const std::size_t written = TRY(console.write(text));
    if (written == 0) return Error::io;
    line.remove_prefix(written);
  }
  return {};
}

}  // namespace cv6::xv6_abi

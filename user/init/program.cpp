#include "program.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "channel.hpp"

namespace cv6::init {
namespace {

constexpr int status_not_executable = 126;
constexpr int status_not_found = 127;

std::string find(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* const path = std::getenv("PATH");
  for (std::string_view rest = path ? path : ""; !rest.empty();) {
    const std::string_view folder = rest.substr(0, rest.find(':'));
    const std::string candidate = std::string(folder) + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    rest.remove_prefix(folder.size() == rest.size() ? rest.size() : folder.size() + 1);
  }
  return name;
}

std::string read_part(int file, std::size_t size, std::uint64_t offset) {
  std::string bytes(size, '\0');
  const ssize_t got = ::pread(file, bytes.data(), size, static_cast<off_t>(offset));
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

bool is_elf(std::string_view head) { return head.starts_with(ELFMAG); }

// The program that is to run this one, from the line of a script or from an ELF program's header; "" if there is none.
std::string interpreter_of(int file, const std::string& head) {
  if (head.starts_with("#!")) {
    const std::size_t start = head.find_first_not_of(" \t", 2);
    return start == std::string::npos ? "" : head.substr(start, head.find_first_of(" \t\n", start) - start);
  }
  Elf64_Ehdr header;
  if (!is_elf(head) || head.size() < sizeof header) return "";
  std::memcpy(&header, head.data(), sizeof header);
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    const std::string bytes = read_part(file, sizeof segment, header.e_phoff + i * sizeof segment);
    if (bytes.size() < sizeof segment) return "";
    std::memcpy(&segment, bytes.data(), sizeof segment);
    if (segment.p_type == PT_INTERP && segment.p_filesz <= PATH_MAX)
      return read_part(file, segment.p_filesz, segment.p_offset).c_str();
  }
  return "";
}

// What errno alone would not tell, or tell wrongly.
std::string explain(const std::string& path, int error) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return error == ENOENT ? "not found in the guest (--add HOST:GUEST puts it there)" : ::strerror(error);
  struct stat status{};
  ::fstat(file, &status);
  if (S_ISDIR(status.st_mode)) return ::strerror(EISDIR);
  const std::string head = read_part(file, 256, 0);
  const std::string interpreter = interpreter_of(file, head);
  ::close(file);
  switch (error) {
    case ENOENT:
      return "its interpreter " + interpreter + " is not in the guest" +
             (is_elf(head) ? " (link it with -static, or --add that and its libraries)" : "");
    case ELIBBAD:
    case EIO:
      return "its interpreter " + interpreter + " is damaged, or not for 64-bit x86";
    case ENOEXEC:
      return head.empty() ? "the file is empty" : "damaged, or not a program for 64-bit x86";
    default:
      if (error == EACCES && S_ISREG(status.st_mode) && !(status.st_mode & 0111))
        return "not executable (`chmod +x` makes it so)";
      return ::strerror(error);
  }
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> result;
  for (std::string& word : words) result.push_back(word.data());
  result.push_back(nullptr);
  return result;
}

bool is_text(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const std::string head = read_part(file, 256, 0);
  ::close(file);
  return !head.empty() && !is_elf(head) && head.find('\0') == std::string::npos;
}

}  // namespace

void execute(const std::string& name, std::vector<std::string> arguments) {
  const std::string path = find(name);
  ::execv(path.c_str(), pointers(arguments).data());
  const int error = errno;
  if (error == ENOEXEC && is_text(path)) {  // a script without a first line that says so
    arguments[0] = path;
    arguments.insert(arguments.begin(), "sh");
    ::execv("/bin/sh", pointers(arguments).data());
  }
  const bool missing = error == ENOENT;
  fail(name, explain(path, error), missing ? status_not_found : status_not_executable);
}

void fail(const std::string& what, const std::string& why, int status) {
  write_all(2, "cv6: " + what + ": " + why + "\n");
  ::_exit(status);
}

}  // namespace cv6::init

// What the runner on the host (host/run) and the first process of the guest (user/init) say to each other, over the
// virtio-serial port `cv6.control`, and the names of the other ports.
//
// Both directions are sequences of frames: a FrameHeader, then `length` bytes of payload. Numbers are little-endian.
// A session:
//   host -> guest   job                 once, right away
//                   window              for the console, before the job and whenever the terminal changes
//   guest -> host   ready               init runs
//                   message             text for the user, when init itself cannot do something
//                   ended               once: how the job ended; all its output has been written. The guest powers off.
// With files to fetch, the guest sends for each of Job::fetch in turn, before `ended`, over the port `cv6.files`:
//                   file_data           a piece of a tar archive, any number of times
//                   file_end            FileEnd: whether the archive is complete
// Included by programs with and without exceptions, and with either C++ library: keep it plain.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace cv6::protocol {

// Ports, as QEMU names them; in the guest they are files below port_folder.
inline constexpr char port_folder[] = "/dev/virtio-ports/";
inline constexpr char console_port[] = "cv6.console";  // the tty
inline constexpr char control_port[] = "cv6.control";
inline constexpr char input_port[] = "cv6.stdin";  // standard input, output and error of a command
inline constexpr char output_port[] = "cv6.stdout";
inline constexpr char error_port[] = "cv6.stderr";
inline constexpr char files_port[] = "cv6.files";

enum class Type : std::uint32_t {
  job = 1,
  window = 2,
  ready = 16,
  message = 17,
  ended = 18,
  file_data = 32,
  file_end = 33
};

struct FrameHeader {
  Type type;
  std::uint32_t length;
};
inline constexpr std::uint32_t longest_frame = 16u << 20;  // a longer one is an error of the sender

enum class JobKind : std::uint32_t {
  console,  // a login shell on the console
  shell,    // words[0] is a command line for `sh -c`
  program,  // words are a program and its arguments
};

struct Job {
  JobKind kind = JobKind::console;
  std::string terminal;            // TERM
  std::vector<std::string> words;  // any bytes but NUL
  std::vector<std::string> fetch;  // guest paths
};

struct Window {
  std::uint16_t rows;
  std::uint16_t columns;
};

enum class How : std::uint32_t { exited, signalled };

struct Ending {
  How how;
  std::uint32_t number;  // the exit status, or the signal
};

struct FileEnd {
  std::uint32_t error;  // 0, or an errno
};

// The payload of a fixed-size message.
template <typename T>
std::string encode(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

// False if the payload has another size.
template <typename T>
bool decode(std::string_view payload, T& value) {
  if (payload.size() != sizeof value) return false;
  std::memcpy(&value, payload.data(), sizeof value);
  return true;
}

namespace detail {

inline void put(std::string& out, std::uint32_t number) { out += encode<std::uint32_t>(number); }
inline void put(std::string& out, const std::string& text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}
inline void put(std::string& out, const std::vector<std::string>& texts) {
  put(out, static_cast<std::uint32_t>(texts.size()));
  for (const std::string& text : texts) put(out, text);
}

inline bool take(std::string_view& in, std::uint32_t& number) {
  if (in.size() < sizeof number) return false;
  std::memcpy(&number, in.data(), sizeof number);
  in.remove_prefix(sizeof number);
  return true;
}
inline bool take(std::string_view& in, std::string& text) {
  std::uint32_t size = 0;
  if (!take(in, size) || size > in.size()) return false;
  text.assign(in.substr(0, size));
  in.remove_prefix(size);
  return true;
}
inline bool take(std::string_view& in, std::vector<std::string>& texts) {
  std::uint32_t count = 0;
  if (!take(in, count)) return false;
  for (; count > 0; --count) {
    if (!take(in, texts.emplace_back())) return false;
  }
  return true;
}

}  // namespace detail

inline std::string encode(const Job& job) {
  std::string out;
  detail::put(out, static_cast<std::uint32_t>(job.kind));
  detail::put(out, job.terminal);
  detail::put(out, job.words);
  detail::put(out, job.fetch);
  return out;
}

inline bool decode(std::string_view payload, Job& job) {
  std::uint32_t kind = 0;
  if (!detail::take(payload, kind) || kind > static_cast<std::uint32_t>(JobKind::program)) return false;
  job.kind = static_cast<JobKind>(kind);
  return detail::take(payload, job.terminal) && detail::take(payload, job.words) && detail::take(payload, job.fetch) &&
         payload.empty();
}

// A whole frame, ready to be written.
inline std::string frame(Type type, std::string_view payload) {
  std::string out = encode(FrameHeader{type, static_cast<std::uint32_t>(payload.size())});
  out += payload;
  return out;
}

}  // namespace cv6::protocol

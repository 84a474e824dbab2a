// What is typed at a terminal, with any settings: each line is what was received since the last one, or less; never more than
// there is room for.
#include <cstring>

#include "dev/line_discipline.hpp"
#include "lib/panic.hpp"

namespace {

using namespace cv6;

class Screen final : public LineDiscipline::Sink {
 public:
  void echo(std::string_view bytes) override { written += bytes.size(); }
  void signal(TerminalSignal) override { ++signals; }
  std::size_t written = 0, signals = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Screen screen;
  LineDiscipline terminal(screen);
  for (std::size_t at = 0; at < size; ++at) {
    const std::uint8_t what = data[at];
    if (what == 0xff && size - at > sizeof(Termios)) {
      Termios settings;
      std::memcpy(&settings, data + at + 1, sizeof settings);
      terminal.set(settings);
      at += sizeof settings;
    } else if (what == 0xfe && at + 1 < size) {
      char room[256];
      const std::size_t wanted = data[++at];
      CV6_ASSERT(terminal.read({room, wanted}).count <= wanted);
    } else {
      terminal.receive(static_cast<char>(what));
    }
  }
  return 0;
}

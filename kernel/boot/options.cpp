#include "boot/options.hpp"

#include "lib/string.hpp"
#include "lib/words.hpp"
#include "sync/log.hpp"

namespace cv6 {

Options read_options(std::string_view command_line) {
  Options options;
  for (std::string_view word = take_word(command_line); !word.empty(); word = take_word(command_line)) {
    const std::string_view name = word.substr(0, word.find('='));
    const std::string_view value = name.size() < word.size() ? word.substr(name.size() + 1) : std::string_view();
    if (name == "init" && !value.empty()) {
      options.init = value;
    } else if (word == "cv6.self-check") {
      options.self_check = true;
    } else if (const auto seed = parse_unsigned(value); name == "cv6.jitter" && seed) {
      options.jitter_seed = static_cast<std::uint32_t>(*seed);
    } else if (name != "virtio_mmio.device") {
      log(LogLevel::warning, "unknown kernel argument: {}", word);
    }
  }
  return options;
}

}  // namespace cv6

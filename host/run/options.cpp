#include "run/options.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <charconv>
#include <filesystem>
#include <print>
#include <thread>

namespace cv6::host {
namespace {

constexpr unsigned most_processors = 8;
constexpr std::uint64_t least_memory = 16ull << 20;
constexpr unsigned default_processors = 4;  // at most
constexpr unsigned longest_instruction = 1024;  // nanoseconds: QEMU takes shifts up to 10
constexpr std::size_t most_arguments = 1024;  // for the kernel, in bytes; it reads 2048, and QEMU adds its devices

constexpr char footer[] = R"(
Without COMMAND, the terminal becomes the guest's console; `exit`, `poweroff` or Ctrl-A x leaves it, Ctrl-A h tells
more. With standard input from elsewhere, as in `echo ls | ./cv6 run`, the guest's shell reads its commands from there.

COMMAND of one word is a command line for the guest's `sh -c`; a path alone, or several words, are a program with
exactly these arguments. Standard input, output and error are passed through, and the exit status is that of the
command, 128+n if signal n ended it, or 125 if the machine ended before the command did.

Examples:
  ./cv6 run
  ./cv6 run --cpus 4 -- 'ps; cat /proc/meminfo'
  ./cv6 run --add ./mine:/bin/mine -- mine --its --arguments
  ./cv6 run --get /tmp/result -- 'dmesg > /tmp/result'
)";

// What the command line says, before it is checked.
struct Raw {
  std::string machine = "microvm";
  std::string processors;
  std::string memory = "128M";
  std::string build;
  std::vector<std::string> additions;
  std::vector<std::string> fetches;
  std::vector<std::string> append;
  std::string kernel_log;
  std::string monitor;
  std::string plugin;
  std::string kernel;
  std::string image;
  std::string instruction_time;  // empty: the time is the computer's
  bool emulated = false;
  bool debugger = false;
};

// CLI11's help text, with a first line as the manual pages have it.
struct HelpFormat : CLI::Formatter {
  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: ./cv6 run [OPTION]... [-- COMMAND]\n\n";
  }
};

void declare(CLI::App& app, Raw& raw) {
  const auto list = [&app](const char* name, std::vector<std::string>& values, const char* text) {
    return app.add_option(name, values, text)->type_size(1)->allow_extra_args(false)->take_all();
  };
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);  // as with most programs
  app.add_option("--cpus", raw.processors, "number of processors, 1 to 8 (default: as the host, at most 4)")
      ->type_name("N");
  app.add_option("--memory", raw.memory, "memory, such as 64M or 1G; at least 16M (default: 128M)")->type_name("SIZE");
  app.add_option("--machine", raw.machine, "microvm (default) or q35, a PC with PCI")->type_name("TYPE");
  app.add_option("--build", raw.build, "release (default), or debug: with all checks")->type_name("TYPE");
  list("--add", raw.additions, "put a file or folder of the host into the guest (default: at the root)")
      ->type_name("HOST[:GUEST]");
  list("--get", raw.fetches, "bring a file or folder back when the command has ended (default: to here)")
      ->type_name("GUEST[:HOST]");
  list("--append", raw.append, "further arguments for the kernel")->type_name("ARGS");
  app.add_option("--kernel-log", raw.kernel_log, "write the kernel's log to FILE")->type_name("FILE");
  app.add_option("--monitor", raw.monitor, "make QEMU's monitor a socket at PATH, to look into the machine")->type_name("PATH");
  app.add_option("--plugin", raw.plugin, "load a plugin of QEMU, which sees each instruction (not with KVM)")
      ->type_name("FILE[,NAME=VALUE]");
  app.add_flag("--emulated", raw.emulated, "no KVM: the processor that --icount has, but time is the computer's");
  app.add_flag("--icount{1}", raw.instruction_time,
               "time is the number of instructions, each takes a nanosecond or --icount=NANOSECONDS;\n"
               "one processor, or as many as --cpus says, in turns");
  app.add_option("--kernel", raw.kernel, "boot this kernel instead, say a Linux to compare with")->type_name("FILE");
  app.add_option("--image", raw.image, "use this cpio archive as the guest's root")->type_name("FILE");
  app.add_flag("--debugger", raw.debugger)->group("");  // `./cv6 debug` sets it
}

Outcome<MachineType> machine_of(const std::string& name) {
  if (name == "microvm") return MachineType::microvm;
  if (name == "q35") return MachineType::q35;
  return failure("--machine {}: there is no such machine (microvm or q35)", name);
}

Outcome<unsigned> processors_of(const std::string& text, Timing timing) {
  if (text.empty()) {
    if (timing == Timing::instruction_count) return 1;
    return std::clamp(std::thread::hardware_concurrency(), 1u, default_processors);
  }
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || *end != '\0' || number < 1 || number > most_processors) {
    return failure("--cpus {}: not a number of processors (1 to {})", text, most_processors);
  }
  return number;
}

Outcome<unsigned> instruction_time_of(const std::string& text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || *end != '\0' || !std::has_single_bit(number) || number > longest_instruction) {
    return failure("--icount={}: not a time of an instruction (1, 2, 4 ... {} nanoseconds)", text, longest_instruction);
  }
  return number;
}

Outcome<std::uint64_t> memory_of(const std::string& text) {
  const std::optional<std::uint64_t> size = parse_size(text);
  if (!size) return failure("--memory {}: not a size (write 64M or 1G)", text);
  if (*size < least_memory) return failure("--memory {}: too little (at least 16M)", text);
  const auto host =
      static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  if (*size > host) return failure("--memory {}: more than this computer has (at most {}M)", text, host >> 20);
  return *size;
}

// HOST or HOST:GUEST. A GUEST that ends with a slash is a folder to put it in.
Outcome<Addition> addition_of(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  Addition addition{.host_path = text.substr(0, colon), .guest_path = "/"};
  if (colon != std::string::npos) addition.guest_path = text.substr(colon + 1);
  if (addition.host_path.empty() || addition.guest_path.empty()) return failure("--add {}: not HOST[:GUEST]", text);
  const bool into_folder = colon == std::string::npos || addition.guest_path.ends_with('/');
  if (into_folder && addition.guest_path != "/") addition.guest_path.pop_back();
  std::filesystem::path guest = std::filesystem::path("/") / addition.guest_path;
  // The name is the one the user gave, even if that is a link to the thing; "." and ".." have that of the folder.
  std::filesystem::path name = std::filesystem::path(addition.host_path).lexically_normal();
  if (name.filename().empty()) name = name.parent_path();
  std::error_code error;  // A path that does not exist is told when it is read.
  if (name.filename() == "." || name.filename() == "..") name = std::filesystem::weakly_canonical(name, error);
  const bool all_of_root = colon != std::string::npos && guest == "/" && std::filesystem::is_directory(name, error);
  if (into_folder && !all_of_root) guest /= name.filename();
  addition.guest_path = guest.lexically_normal().string();
  return addition;
}

// GUEST or GUEST:HOST. A HOST that is a folder receives the file under its own name.
Outcome<Fetch> fetch_of(const std::string& text) {
  const std::size_t colon = text.find(':');
  std::filesystem::path guest = std::filesystem::path(text.substr(0, colon)).lexically_normal();
  if (guest.filename().empty()) guest = guest.parent_path();
  if (guest.filename().empty() || guest.filename() == "." || guest.filename() == "..") {
    return failure("--get {}: names no file or folder below the root", text);
  }
  std::filesystem::path host = colon == std::string::npos ? "." : text.substr(colon + 1);
  if (host.empty()) return failure("--get {}: not GUEST[:HOST]", text);
  std::error_code error;
  if (std::filesystem::is_directory(host, error)) host /= guest.filename();
  host = std::filesystem::absolute(host, error);
  if (!std::filesystem::is_directory(host.parent_path(), error)) {
    return failure("--get {}: {} is not a folder", text, host.parent_path().string());
  }
  return Fetch{guest.string(), host.string()};
}

Outcome<Options> check(const Raw& raw, std::vector<std::string> command) {
  Options options;
  if (!raw.instruction_time.empty()) {
    options.timing = Timing::instruction_count;
    options.instruction_time = CV6_TRY(instruction_time_of(raw.instruction_time));
  }
  options.processor = raw.emulated ? Processor::emulated : Processor::fastest;
  options.debugger = raw.debugger ? Debugger::gdb : Debugger::none;
  options.machine = CV6_TRY(machine_of(raw.machine));
  options.processors = CV6_TRY(processors_of(raw.processors, options.timing));
  options.memory = CV6_TRY(memory_of(raw.memory));
  if (!raw.build.empty() && raw.build != "release" && raw.build != "debug") {
    return failure("--build {}: there is no such build (debug or release)", raw.build);
  }
  options.build = raw.build;
  for (const std::string& text : raw.additions) options.additions.push_back(CV6_TRY(addition_of(text)));
  for (const std::string& text : raw.fetches) options.fetches.push_back(CV6_TRY(fetch_of(text)));
  for (const std::string& text : raw.append) options.append += (options.append.empty() ? "" : " ") + text;
  if (options.append.size() > most_arguments) {
    return failure("--append: {} bytes are too many (at most {})", options.append.size(), most_arguments);
  }
  options.kernel_log = raw.kernel_log;
  options.monitor = raw.monitor;
  options.plugin = raw.plugin;
  options.kernel = raw.kernel;
  options.image = raw.image;
  options.command = std::move(command);
  return options;
}

}  // namespace

std::optional<std::uint64_t> parse_size(const std::string& text) {
  std::uint64_t number = 0;
  const char* end_of_text = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), end_of_text, number);
  if (error != std::errc() || end_of_text - end > 1) return std::nullopt;
  unsigned shift = 20;
  switch (end == end_of_text ? 'M' : *end) {
    case 'K':
    case 'k':
      shift = 10;
      break;
    case 'M':
    case 'm':
      shift = 20;
      break;
    case 'G':
    case 'g':
      shift = 30;
      break;
    default:
      return std::nullopt;
  }
  if (number > (~std::uint64_t{0} >> shift)) return std::nullopt;
  return number << shift;
}

std::variant<Options, Finished> parse_options(int count, const char* const* arguments) {
  const char* const* const end = arguments + count;
  const char* const* const dashes = std::find(arguments, end, std::string_view("--"));
  std::vector<std::string> command(dashes == end ? end : dashes + 1, end);
  CLI::App app("Boots cv6 in QEMU: to a prompt, or to run COMMAND.");
  app.formatter(std::make_shared<HelpFormat>());
  app.footer(footer);
  Raw raw;
  declare(app, raw);
  const auto complain = [](const std::string& what) {
    std::println(stderr, "cv6: {}\nUsage: ./cv6 run [OPTION]... [-- COMMAND] (`./cv6 run --help` tells more)", what);
    return Finished{2};
  };
  if (dashes != end && command.empty()) return complain("no command after --");
  try {
    app.parse(static_cast<int>(dashes - arguments), arguments);
  } catch (const CLI::CallForHelp&) {
    std::print("{}", app.help());
    return Finished{0};
  } catch (const CLI::ExtrasError&) {
    return complain(std::format("unknown option or word: {} (a command goes after --)", app.remaining().front()));
  } catch (const CLI::ParseError& error) {
    return complain(error.what());
  }
  Outcome<Options> options = check(raw, std::move(command));
  if (options) return std::move(*options);
  std::println(stderr, "cv6: {}", options.error().text);
  return Finished{2};
}

}  // namespace cv6::host

// box: containers from the command line, with the words and options that docker users know. The work is done by the system
// calls of cv6/container.hpp.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ranges>
#include <string_view>

#include "failure.hpp"
#include "words.hpp"

namespace cv6::box {
namespace {

struct Word {
  std::string_view names;  // with blanks between them
  void (*add)(CLI::App& box, int& status);

  [[nodiscard]] bool is_called(std::string_view name) const {
    for (auto one : names | std::views::split(' ')) {
      if (std::string_view(one) == name) return true;
    }
    return false;
  }
};

constexpr Word all_words[] = {
    // life
    {"run", add_run}, {"create", add_create}, {"exec", add_exec}, {"start", add_start}, {"attach", add_attach},
    {"stop", add_stop}, {"kill", add_kill}, {"pause unpause", add_pause}, {"wait", add_wait}, {"rename", add_rename},
    {"rm", add_rm}, {"prune", add_prune},
    // look
    {"ls ps", add_ls}, {"inspect", add_inspect}, {"logs", add_logs}, {"top", add_top}, {"stats", add_stats},
    {"fds", add_fds}, {"trace", add_trace}, {"sched", add_sched}, {"mem", add_mem},
    // files
    {"diff", add_diff}, {"cp", add_cp}, {"commit", add_commit}, {"export", add_export}, {"import", add_import},
    {"images", add_images}, {"rmi", add_rmi},
    // rules
    {"update", add_update}, {"policy", add_policy}, {"supervise", add_supervise},
};

const Word* find_word(std::string_view name) {
  const auto* const found = std::ranges::find_if(all_words, [&](const Word& word) { return word.is_called(name); });
  return found == std::end(all_words) ? nullptr : found;
}

// Describing all words and their options takes longer than most of them do, so only the one that is given is: `given`; null:
// none, and the help is about all.
void add_words(CLI::App& box, int& status, const Word* given) {
  if (given) return given->add(box, status);
  for (const Word& word : all_words) word.add(box, status);
}

// Groups of options are told apart by their headings alone.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_expanded(const CLI::App* group) const override { return make_groups(group, CLI::AppFormatMode::Sub); }
};

int main(int count, char** arguments) {
  CLI::App& app = *new CLI::App("Runs programs in containers.", "box");  // not destroyed: see main() below
  app.formatter(std::make_shared<HelpFormatter>());
  app.require_subcommand(1);
  int status = 0;
  const std::string_view first = count > 1 ? arguments[1] : "";
  const Word* const word = find_word(first);
  if (!word && !first.empty() && first[0] != '-') {
    std::fprintf(stderr, "box: %s: no such word (see `box --help`)\n", arguments[1]);
    return exit_status::own_failure;
  }
  add_words(app, status, word);
  try {
    app.parse(count, arguments);
    return status;
  } catch (const CLI::Success& success) {
    return app.exit(success);  // --help
  } catch (const CLI::ParseError& error) {
    std::fprintf(stderr, "box: %s (see `box --help`)\n", error.what());
    return exit_status::own_failure;
  } catch (const Failure& failure) {
    report(failure);
    return failure.status();
  } catch (const std::exception& error) {  // of a library: caught, so that what was begun is taken back on the way here
    report(error);
    return exit_status::own_failure;
  }
}

}  // namespace
}  // namespace cv6::box

// What is left, the kernel takes back: quicker than giving it back piece by piece.
int main(int count, char** arguments) {
  const int status = cv6::box::main(count, arguments);
  std::fflush(nullptr);
  std::_Exit(status);
}

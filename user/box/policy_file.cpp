#include "policy_file.hpp"

#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>

#include "call_names.hpp"
#include "failure.hpp"
#include "json.hpp"

namespace cv6::box {
namespace {

enum class CallAction { allow, supervise, deny, kill };

void apply(Rules& rules, CallAction action, unsigned place) {
  rules.denied.remove(place);
  rules.fatal.remove(place);
  rules.supervised.remove(place);
  if (action == CallAction::supervise) rules.supervised.add(place);
  if (action == CallAction::deny || action == CallAction::kill) rules.denied.add(place);
  if (action == CallAction::kill) rules.fatal.add(place);
}

CallAction action_of(const Rules& rules, unsigned place) {
  if (rules.denied.has(place)) return rules.fatal.has(place) ? CallAction::kill : CallAction::deny;
  return rules.supervised.has(place) ? CallAction::supervise : CallAction::allow;
}

Rules default_rules(CallAction action) {
  Rules rules;
  if (action == CallAction::supervise) rules.supervised = CallSet::all();
  if (action == CallAction::deny || action == CallAction::kill) rules.denied = CallSet::all();
  if (action == CallAction::kill) rules.fatal = CallSet::all();
  return rules;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Failure(path + ": " + std::strerror(errno));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void report_unknown(const std::string& path, const std::vector<std::string>& names) {
  if (names.empty()) return;
  std::string list;
  for (const std::string& name : names) list += " " + name;
  std::fprintf(stderr, "box: %s: no such system calls here, passed over:%s\n", path.c_str(), list.c_str());
}

// --- lines ------------------------------------------------------------------------------------------------------------

Rules parse_lines(const std::string& path, const std::string& text) {
  const auto action_of = [](const std::string& word) -> std::optional<CallAction> {
    if (word == "allow") return CallAction::allow;
    if (word == "deny") return CallAction::deny;
    if (word == "kill") return CallAction::kill;
    if (word == "supervise") return CallAction::supervise;
    return std::nullopt;
  };
  Rules rules;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line.substr(0, line.find('#')));
    std::string first, word;
    if (!(words >> first)) continue;
    const auto where = [&] { return path + ": line " + std::to_string(number) + ": "; };
    if (first == "default") {
      const auto action = words >> word ? action_of(word) : std::nullopt;
      if (!action) throw Failure(where() + "default what? (allow, deny, kill, supervise)");
      rules = default_rules(*action);
      continue;
    }
    const auto action = action_of(first);
    if (!action) throw Failure(where() + first + ": not a rule (default, allow, deny, kill, supervise)");
    while (words >> word) {
      const auto place = place_of_call(word);
      if (!place) throw Failure(where() + word + ": no such system call");
      apply(rules, *action, *place);
    }
  }
  return rules;
}

// --- docker's JSON ------------------------------------------------------------------------------------------------------

CallAction action_from(const std::string& path, const Json& json, const Json& errno_value) {
  const std::string name = json.get<std::string>();
  if (name == "SCMP_ACT_ALLOW") return CallAction::allow;
  if (name == "SCMP_ACT_NOTIFY") return CallAction::supervise;
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_PROCESS" || name == "SCMP_ACT_KILL_THREAD") return CallAction::kill;
  if (name != "SCMP_ACT_ERRNO")
    throw Failure(path + ": " + name + ": not offered (SCMP_ACT_ALLOW, SCMP_ACT_ERRNO, SCMP_ACT_KILL*, SCMP_ACT_NOTIFY)");
  if (!errno_value.is_null() && errno_value != EPERM)
    throw Failure(path + ": errno " + errno_value.dump() + ": not offered (denied calls fail with EPERM, 1)");
  return CallAction::deny;
}

std::vector<std::string> names_of(const Json& entry) {
  if (entry.contains("names")) return entry["names"].get<std::vector<std::string>>();
  return {entry.at("name").get<std::string>()};
}

Rules parse_json(const std::string& path, const std::string& text) {
  const Json policy = Json::parse(text);
  Rules rules = default_rules(action_from(path, policy.at("defaultAction"), policy.value("defaultErrnoRet", Json())));
  CallSet decided;
  std::vector<std::string> unknown;
  for (const Json& entry : policy.value("syscalls", Json::array())) {
    const std::vector<std::string> names = names_of(entry);
    for (const char* condition : {"args", "includes", "excludes"})
      if (entry.contains(condition) && !entry[condition].empty())
        throw Failure(path + ": " + (names.empty() ? "an entry" : names.front()) + ": conditions (\"" + condition +
                      "\") are not offered (take them out, or decide without them)");
    const CallAction action = action_from(path, entry.at("action"), entry.value("errnoRet", Json()));
    for (const std::string& name : names) {
      const auto place = place_of_call(name);
      if (!place)
        unknown.push_back(name);
      else if (!decided.has(*place))
        apply(rules, action, *place);
      if (place) decided.add(*place);
    }
  }
  report_unknown(path, unknown);
  return rules;
}

}  // namespace

Rules read_policy_file(const std::string& path) {
  const std::string text = read_file(path);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || text[first] != '{') return parse_lines(path, text);
  try {
    return parse_json(path, text);
  } catch (const Json::exception& error) {
    throw Failure(path + ": " + error.what());
  }
}

std::string allow_list(const CallSet& allowed, const std::string& comment) {
  std::string text = "# " + comment + "\ndefault deny\n";
  for (const std::string& name : names_in(allowed)) text += "allow " + name + "\n";
  return text;
}

std::string lines_for(const Rules& rules) {
  constexpr CallAction actions[] = {CallAction::allow, CallAction::supervise, CallAction::deny, CallAction::kill};
  constexpr const char* words[] = {"allow", "supervise", "deny", "kill"};
  const CallAction of_others = action_of(rules, CallSet::linux_calls - 1);
  std::string text = std::string("default ") + words[static_cast<int>(of_others)] + "\n";
  for (const CallAction action : actions) {
    if (action == of_others) continue;
    CallSet set;
    for (unsigned place = 0; place < CallSet::size; ++place)
      if (action_of(rules, place) == action) set.add(place);
    for (const std::string& name : names_in(set)) text += std::string(words[static_cast<int>(action)]) + " " + name + "\n";
  }
  return text;
}

}  // namespace cv6::box

// All containers: creates them, hands out their ids (the lowest free, from 0), finds and lists them.
// What concerns their processes (spawn, join, leave, destroy) is in task/container_operations.hpp.
#pragma once

#include "container/container.hpp"

namespace cv6 {

class ContainerManager {
 public:
  // The host, made at boot: without limits, id -1.
  static Result<void> initialise();
  static Container& host();

  // A new container below `parent`, seeing `parent`'s files, or those below settings.root, copy on write. Error::nomem, Error::inval (a name that is too
  // long or not printable; a root that cannot be viewed), Error::notdir (a root that is none), Error::exist (the name is taken), Error::again (no ids left).
  static Result<Ref<Container>> create(Container& parent, const ContainerSettings& settings);
  // Error::inval, Error::exist as for create; srch: it is gone.
  static Result<void> rename(Container& container, std::string_view name);
  // Takes it out of the table: no one finds it any more and its id is free.
  static void remove(Container& container);

  // What `viewer` may know about: what is below it. Null: no such container, as far as the viewer can tell.
  static Ref<Container> find(Container& viewer, int id);
  static Ref<Container> find(Container& viewer, std::string_view name);
  // The first container below `viewer` with an id greater than `after`; null: none.
  static Ref<Container> next(Container& viewer, int after);
  // One below `above` that has none below itself; null: there is none. Containers are taken out from the innermost.
  static Ref<Container> innermost_below(Container& above);
  static unsigned count();  // without the host

  // The container's own rules for system calls become `rules`, or gain or lose what `rules` denies. It and all below it
  // keep to the result when this returns. Error::srch: the container is gone.
  enum class RuleChange : std::uint8_t { replace, tighten, loosen };
  static Result<void> change_call_rules(Container& container, RuleChange change, const CallRules& rules);
  struct CallRulesOf {
    CallRules own, effective;
  };
  static CallRulesOf call_rules(Container& container);
  // The strictest action that its own rules and those above it have for a call.
  static CallAction call_action(Container& container, unsigned bit);
  // The container itself, or the nearest one above it, whose own rules hand the call to its supervisor. Null: none.
  static Ref<Container> supervising(Container& container, unsigned bit);

 private:
  friend struct ContainerByName;
  static std::string_view table_name(const Container& container) { return container.name_; }
  static void set_name(Container& container, std::string_view name);
  static Result<void> enter_into_table(Container& container, std::string_view wanted_name);
};

}  // namespace cv6

// Random operations on several address spaces, on several processors, against a model that knows for each page what is
// there. The processors' translation caches are simulated, so a flush that is missing anywhere ends in a wrong value.
#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "arch/target/simulation.hpp"
#include "support/user.hpp"

namespace cv6 {
namespace {

using Sharing = Mapping::Sharing;
using test::TestFile;
using Value = std::uint64_t;

constexpr std::uintptr_t base = 0x7f0000000000 - 100 * page_size;  // across a boundary of tables
constexpr std::uint64_t window = 250;                              // pages
constexpr unsigned processors = 3;

// What a shared mapping, or a private one that was not written, shows.
struct ModelObject {
  std::vector<Value> values;
  Ref<TestFile> file;  // null: anonymous
};

struct ModelPage {
  Protection protection;
  Sharing sharing = Sharing::private_;
  std::shared_ptr<ModelObject> object;  // null: anonymous, private
  std::uint64_t index = 0;
  std::optional<Value> own;  // written privately
};

struct Space {
  Ref<AddressSpace> real;
  std::map<std::uint64_t, ModelPage> pages;
};

class Machine {
 public:
  Machine(unsigned seed, bool failures) : random_(seed), failures_(failures) {
    spaces_.push_back({*AddressSpace::create(Ref<GuestMemory>(&GuestMemory::host())), {}});
    for (int i = 0; i < 2; ++i) {
      auto file = std::make_shared<ModelObject>();
      file->values.resize(30);
      file->file = TestFile::create(30);
      files_.push_back(file);
    }
  }
  ~Machine() {
    test::run_in(nullptr);
    arch::simulation::use_cpu(0);
  }

  void step() {
    arch::simulation::use_cpu(static_cast<unsigned>(below(processors)));
    Space& space = spaces_[below(spaces_.size())];
    test::run_in(space.real.get());
    allocation_failures::fail_nth(failures_ && below(4) == 0 ? 1 + below(6) : 0);
    switch (below(40)) {
      case 0:
      case 1:
      case 2:
      case 3:
        map(space);
        break;
      case 4:
      case 5:
        unmap(space);
        break;
      case 6:
      case 7:
        protect(space);
        break;
      case 8:
        forget(space);
        break;
      case 9:
        remap(space);
        break;
      case 10:
        fork(space);
        break;
      case 11:
        end(space);
        break;
      case 12:
      case 13:
        write_file();
        break;
      case 14:
        truncate_file();
        break;
      default:
        below(2) ? load(space) : store(space);
        break;
    }
    allocation_failures::fail_nth(0);
  }

  void check_all() {
    for (Space& space : spaces_) {
      test::run_in(space.real.get());
      for (std::uint64_t page = 0; page < window; ++page) check(space, page);
      std::uint64_t mapped = space.pages.size();
      ASSERT_EQ(space.real->usage().virtual_pages, mapped);
    }
  }

 private:
  struct Pages {
    std::uint64_t first, count;
    std::uintptr_t address() const { return base + first * page_size; }
    std::uint64_t bytes() const { return count * page_size; }
  };
  static void must_be_a_failure() { ASSERT_TRUE(allocation_failures::happened()); }
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  Pages some_pages() {
    const std::uint64_t first = below(window - 20);
    return {first, 1 + below(20)};
  }
  Protection some_protection() {
    constexpr Protection all[] = {test::read_write, test::read_write, test::read_only, test::none};
    return all[below(4)];
  }

  void map(Space& space) {
    const Pages pages = some_pages();
    const bool of_file = below(2), shared = below(2);
    std::shared_ptr<ModelObject> object;
    MapRequest request{.address = pages.address(),
                       .length = pages.bytes(),
                       .place = MapRequest::Place::fixed,
                       .sharing = shared ? Sharing::shared : Sharing::private_,
                       .protection = some_protection()};
    std::uint64_t index = 0;
    if (of_file) {
      object = files_[below(files_.size())];
      index = below(15);
      request.object = object->file;
      request.offset = index * page_size;
    } else if (shared) {
      object = std::make_shared<ModelObject>();
      object->values.resize(pages.count);
    }
    if (!space.real->map(request)) return must_be_a_failure();
    for (std::uint64_t i = 0; i < pages.count; ++i)
      space.pages[pages.first + i] = {request.protection, request.sharing, object, index + i, std::nullopt};
  }
  void unmap(Space& space) {
    const Pages pages = some_pages();
    if (!space.real->unmap(pages.address(), pages.bytes())) return must_be_a_failure();
    for (std::uint64_t i = 0; i < pages.count; ++i) space.pages.erase(pages.first + i);
  }
  void protect(Space& space) {
    const Pages pages = some_pages();
    const Protection protection = some_protection();
    bool covered = true;
    for (std::uint64_t i = 0; i < pages.count; ++i) covered = covered && space.pages.contains(pages.first + i);
    const auto done = space.real->protect(pages.address(), pages.bytes(), protection);
    if (!done && allocation_failures::happened()) return;
    ASSERT_EQ(done.has_value(), covered);
    for (std::uint64_t i = 0; covered && i < pages.count; ++i) space.pages[pages.first + i].protection = protection;
  }
  void forget(Space& space) {
    const Pages pages = some_pages();
    (void)space.real->advise(pages.address(), pages.bytes(), AddressSpace::Advice::dont_need);
    for (std::uint64_t i = 0; i < pages.count; ++i)
      if (const auto page = space.pages.find(pages.first + i); page != space.pages.end()) page->second.own.reset();
  }
  // Whether the old range is one mapping is not modelled: a refusal must only change nothing.
  void remap(Space& space) {
    const Pages from = some_pages(), to = some_pages();
    const auto moved = space.real->remap(from.address(), from.bytes(), to.bytes(),
                                         {.may_move = true, .fixed = true, .new_address = to.address()});
    if (!moved) return;
    std::map<std::uint64_t, ModelPage> taken;
    for (std::uint64_t i = 0; i < from.count; ++i) {
      taken[i] = space.pages.at(from.first + i);
      space.pages.erase(from.first + i);
    }
    for (std::uint64_t i = 0; i < to.count; ++i) {
      ModelPage page = taken[std::min(i, from.count - 1)];
      if (i >= from.count) {
        page.own.reset();
        page.index += i - (from.count - 1);
      }
      space.pages[to.first + i] = page;
    }
  }
  void fork(Space& space) {
    if (spaces_.size() == 5) return;
    auto child = space.real->fork();
    if (!child) return must_be_a_failure();
    spaces_.push_back({*child, space.pages});
  }
  void end(Space& space) {
    if (spaces_.size() == 1) return;
    test::run_in(nullptr);
    spaces_.erase(spaces_.begin() + (&space - spaces_.data()));
  }
  void write_file() {
    ModelObject& file = *files_[below(files_.size())];
    const std::uint64_t index = below(40);
    const Value value = ++last_value_;
    if (!file.file->write(index, value)) return must_be_a_failure();
    if (file.values.size() <= index) file.values.resize(index + 1);
    file.values[index] = value;
  }
  void truncate_file() {
    const auto file = files_[below(files_.size())];
    const std::uint64_t pages = below(40);
    file->file->truncate(pages);
    file->values.resize(pages);
    for (Space& space : spaces_)
      for (auto& [number, page] : space.pages)
        if (page.object == file && page.index >= pages) page.own.reset();
  }

  // What a read of the page must give; nullopt: it faults.
  static std::optional<Value> expected(const Space& space, std::uint64_t number) {
    const auto found = space.pages.find(number);
    if (found == space.pages.end() || found->second.protection.none()) return std::nullopt;
    const ModelPage& page = found->second;
    if (page.own) return page.own;
    if (!page.object) return 0;
    if (page.index >= page.object->values.size()) return std::nullopt;
    return page.object->values[page.index];
  }
  void check(Space& space, std::uint64_t number) {
    const auto value = test::load(base + number * page_size);
    if (!value && allocation_failures::happened()) return;
    const auto page = space.pages.find(number);
    ASSERT_EQ(value, expected(space, number)) << "page " << number
                                              << (page == space.pages.end()   ? ", not mapped"
                                                  : !page->second.object      ? ", anonymous"
                                                  : page->second.object->file ? ", of a file"
                                                                              : ", shared memory")
                                              << (page != space.pages.end() && page->second.own ? ", written" : "");
  }
  void load(Space& space) { check(space, below(window)); }
  void store(Space& space) {
    const std::uint64_t number = below(window);
    const Value value = ++last_value_;
    const auto found = space.pages.find(number);
    const bool allowed = expected(space, number) && found->second.protection.write;
    const bool done = test::store(base + number * page_size, value);
    if (!done && allocation_failures::happened()) return;
    ASSERT_EQ(done, allowed) << "page " << number;
    if (!done) return;
    ModelPage& page = found->second;
    (page.sharing == Sharing::private_ ? page.own.emplace() : page.object->values[page.index]) = value;
  }

  std::mt19937_64 random_;
  bool failures_;
  Value last_value_ = 0;
  std::vector<Space> spaces_;
  std::vector<std::shared_ptr<ModelObject>> files_;
};

class AddressSpaceRandomTest : public test::MachineTest {
 protected:
  void run(unsigned first_seed, bool failures) {
    for (unsigned seed = first_seed; seed < first_seed + 6; ++seed) {
      SCOPED_TRACE(seed);
      Machine machine(seed, failures);
      for (int step = 0; step < 4000; ++step) {
        machine.step();
        if (step % 250 == 0) machine.check_all();
        if (HasFatalFailure()) return;
      }
    }
  }
};

TEST_F(AddressSpaceRandomTest, AgainstAModelOfPages) { run(1, false); }
TEST_F(AddressSpaceRandomTest, WithAllocationsThatFail) { run(100, true); }

}  // namespace
}  // namespace cv6

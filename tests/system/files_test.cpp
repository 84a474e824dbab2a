// --add and --get: files on their way into the guest and back.
#include "support/files.hpp"

#include <sys/stat.h>

#include <filesystem>

#include "support/command.hpp"

namespace cv6::test {
namespace {

namespace fs = std::filesystem;

class Files : public FilesTest {};

TEST_F(Files, AddedProgramRuns) {
  const std::string program = make_file("hello", "#!/bin/sh\necho hello \"$@\"\n", 0755);
  const Completed done = run_guest({"--add", program + ":/bin/hello"}, {"hello", "a", "b c"});
  EXPECT_EQ(done.output, "hello a b c\n") << done.error;
}

TEST_F(Files, AddedFolderKeepsModesAndLinks) {
  make_file("tree/sub/file", "data\n", 0640);
  make_file("tree/program", "#!/bin/sh\necho ran\n", 0755);
  fs::create_symlink("sub/file", path("tree/soft"));
  fs::create_hard_link(path("tree/sub/file"), path("tree/hard"));
  const Completed done =
      run_guest({"--add", path("tree") + ":/opt/tree"},
                {"cd /opt/tree; cat soft; stat -c %a sub/file; stat -c %h hard; readlink soft; ./program"});
  EXPECT_EQ(done.output, "data\n640\n2\nsub/file\nran\n") << done.error;
}

TEST_F(Files, AdditionsReplaceFilesAndLeaveFoldersAlone) {
  const std::string motd = make_file("motd", "mine\n");
  const Completed done = run_guest({"--add", motd + ":/etc/motd", "--add", motd + ":/tmp/x"},
                                   {"cat /etc/motd; stat -c %a /tmp; ls /etc/passwd"});
  EXPECT_EQ(done.output, "mine\n1777\n/etc/passwd\n") << done.error;
}

TEST_F(Files, AddedFileOfManyPagesIsWhole) {
  std::string data;
  for (int i = 0; data.size() < 5'000'000; ++i) data += std::to_string(i) + ",";
  const std::string file = make_file("big", data);
  const Completed here = run_program({"md5sum", file});
  const Completed there = run_guest({"--add", file + ":/big"}, {"md5sum < /big"});
  EXPECT_EQ(there.output.substr(0, 32), here.output.substr(0, 32)) << there.error;
}

TEST_F(Files, GetBringsAFileBack) {
  const Completed done = run_guest({"--get", "/tmp/result:" + path("here")}, {"seq 1 100000 > /tmp/result; exit 4"});
  EXPECT_EQ(done.status, 4) << done.error;
  EXPECT_EQ(run_program({"seq", "1", "100000"}).output, text_of("here"));
}

TEST_F(Files, GetKeepsModesAndLinks) {
  const Completed done = run_guest({"--get", "tree:" + path("mine")},
                                   {"mkdir -p tree/sub; echo data > tree/a; chmod 751 tree/a; ln tree/a tree/sub/b; "
                                    "ln -s a tree/soft"});
  EXPECT_EQ(done.status, 0) << done.error;
  struct stat status{};
  ASSERT_EQ(::stat(path("mine/sub/b").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0751u);
  EXPECT_EQ(status.st_nlink, 2u);
  EXPECT_EQ(fs::read_symlink(path("mine/soft")), "a");
}

TEST_F(Files, GetOfWhatIsNotThereIsSaid) {
  const Completed done =
      run_guest({"--get", "/none:" + path("none"), "--get", "/etc/hostname:" + path("name")}, {"true"});
  EXPECT_EQ(done.status, 1);
  EXPECT_EQ(done.error, "cv6: --get /none: No such file or directory\n");
  EXPECT_EQ(text_of("name"), "cv6\n") << "the others come all the same";
}

TEST_F(Files, GetReplacesNoFileByAFolder) {
  const std::string file = make_file("file", "mine");
  const Completed done = run_guest({"--get", "/etc:" + file}, {"true"});
  EXPECT_EQ(done.status, 1);
  EXPECT_EQ(done.error, "cv6: --get /etc: it is a folder, and " + file + " is not\n");
  EXPECT_EQ(text_of("file"), "mine");
}

TEST_F(Files, AddWhereItCannotBeIsSaid) {
  const std::string file = make_file("file", "mine");
  const auto error_of = [](const std::string& addition) { return run_guest({"--add", addition}, {"true"}).error; };
  EXPECT_EQ(error_of(file + ":/etc"),
            "cv6: --add " + file + ": /etc is a folder in the guest (to put it in there, write " + file + ":/etc/)\n");
  EXPECT_EQ(error_of(file + ":/etc/passwd/x"), "cv6: --add " + file + ": /etc/passwd is not a folder in the guest\n");
  const std::string folder = std::filesystem::path(file).parent_path();
  EXPECT_EQ(error_of(folder + ":/etc/passwd"), "cv6: --add " + folder + ": /etc/passwd is not a folder in the guest\n");
}

TEST_F(Files, GetWritesNothingThroughALinkOfTheGuest) {
  // The guest's archive holds a link, and then a file below its name.
  fs::create_directory(path("victim"));
  const std::string evil =
      make_file("tar",
                "#!/bin/busybox sh\ncd /evil\n/bin/busybox tar -c -f - x\nrm x; mkdir x; echo bad > x/bad\n"
                "/bin/busybox tar -c -f - x | cat\n",
                0755);
  const Completed done = run_guest({"--add", evil + ":/bin/tar", "--get", "x:" + path("x")},
                                   {"mkdir /evil; ln -s " + path("victim") + " /evil/x; ln -s /evil/x x"});
  EXPECT_TRUE(fs::is_empty(path("victim"))) << done.error;
}

}  // namespace
}  // namespace cv6::test

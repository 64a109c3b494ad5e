/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves that .proto sources load through protoc, and that its messages reach the operator.
 */
#include "schema/schema_protoc.h"
#include "schema_fixture.h"

#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>

static const char *run(const char *const *sources, size_t source_count, const char *const *include,
                       size_t include_count)
{
    static struct error err;
    struct buffer set = {0};
    err.text[0] = 0;
    enum status status = schema_protoc_run((struct fby_strings){sources, source_count},
                                           (struct fby_strings){include, include_count}, false, &set, &err);
    assert_true((status == STATUS_OK) == (set.len > 0));
    buffer_finish(&set);
    return err.text;
}

static void test_source_and_imports_beside_it(void **state)
{
    (void)state;
    fixture_write("base.proto", bytes_of_text("syntax='proto3'; message Base {}"));
    const char *path = fixture_write(
        "main.proto", bytes_of_text("syntax='proto3'; import 'base.proto'; message M { Base b = 1; }"));
    assert_string_equal(run(&path, 1, NULL, 0), "");
    const char *name = "main.proto", *folder = fixture_folder();
    assert_string_equal(run(&name, 1, &folder, 1), "");
}

/* A file that stands beside the folders of its imports needs no mention of its own folder; a missing import
 * and a missing folder are named with what to do. */
static void test_folders_of_imports(void **state)
{
    (void)state;
    char folder[300], path[400];
    snprintf(folder, sizeof folder, "%s/imports", fixture_folder());
    assert_int_equal(mkdir(folder, 0700), 0);
    snprintf(path, sizeof path, "%s/apart.proto", folder);
    FILE *file = fopen(path, "w");
    fputs("syntax='proto3'; message Apart {}", file);
    fclose(file);
    const char *source = fixture_write(
        "user.proto", bytes_of_text("syntax='proto3'; import 'apart.proto'; message U { Apart a = 1; }"));
    const char *include = folder, *missing[] = {"/no/such/folder"};
    assert_string_equal(run(&source, 1, &include, 1), "");
    const char *text = run(&source, 1, NULL, 0);
    assert_non_null(strstr(text, "user.proto:1:18: Import \"apart.proto\" was not found"));
    assert_non_null(strstr(text, "include:"));
    assert_non_null(strstr(run(&source, 1, missing, 1), "does not exist"));
}

static void test_messages_of_protoc(void **state)
{
    (void)state;
    const char *path =
        fixture_write("bad.proto", bytes_of_text("syntax='proto3';\nmessage M {\n  Foo f = 1;\n}\n"));
    const char *text = run(&path, 1, NULL, 0);
    assert_non_null(strstr(text, "bad.proto:3:3"));
    assert_non_null(strstr(text, "Foo"));
    path = "/no/such/file.proto";
    assert_string_equal(run(&path, 1, NULL, 0), "/no/such/file.proto: No such file or directory");
    path = "--plugin=x";
    assert_non_null(strstr(run(&path, 1, NULL, 0), "must not start with '-'"));
    assert_non_null(strstr(run(NULL, 0, NULL, 0), "no .proto file"));
}

/* A protoc from before editions: 3.21, or one that stumbles like it. */
static void test_editions(void **state)
{
    (void)state;
    char *path = strdup(getenv("PATH"));
    const char *direct =
        fixture_write("edition.proto", bytes_of_text("// New.\n/* Two\n lines */ edition\n = "
                                                     "'2023';\nmessage M {}\n"));
    const char *importing =
        fixture_write("imports.proto", bytes_of_text("syntax='proto3'; import 'edition.proto';"));
    const char *wrong = fixture_write("wrong.proto", bytes_of_text("edition = \"2024\";\nnonsense;\n"));
    const char *later = fixture_write("later.proto", bytes_of_text("edition = \"2099\";\n"));
    char command[500];
    snprintf(
        command, sizeof command,
        "#!/bin/sh\ncase \"$*\" in *wrong.proto) echo 'wrong.proto:2:1: Expected top-level statement (e.g. "
        "\"message\").';; *later.proto) echo 'later.proto:1:1: Expected top-level statement';; "
        "*) echo 'W: no syntax'; echo 'edition.proto:3:11: Expected top-level statement "
        "(e.g. \"message\").';; esac\nexit 1\n");
    const char *fake = fixture_write("protoc", bytes_of_text(command));
    assert_int_equal(chmod(fake, 0700), 0);
    setenv("PATH", fixture_folder(), 1);
    static const char expected[] = "/edition.proto: is written in protobuf edition 2023, which the installed "
                                   "protoc does not know. Give a "
                                   "descriptor set that a newer protoc, or buf, has made";
    assert_non_null(strstr(run(&direct, 1, NULL, 0), expected));
    assert_non_null(strstr(run(&importing, 1, NULL, 0), expected));
    const char *name = "imports.proto", *folders[] = {"/nonexistent", fixture_folder()};
    assert_non_null(strstr(run(&name, 1, folders, 2), expected));
    assert_non_null(strstr(run(&later, 1, NULL, 0),
                           "/later.proto: is written in protobuf edition 2099, which is not supported. "
                           "Supported are the editions 2023 and 2024, proto2 and proto3"));
    /* One that knows them may find other mistakes. */
    assert_non_null(strstr(run(&wrong, 1, NULL, 0), "wrong.proto: protoc says: wrong.proto:2:1: Expected"));
    setenv("PATH", path, 1);
    free(path);
}

static void test_protoc_missing_or_crashing(void **state)
{
    (void)state;
    char *path = strdup(getenv("PATH"));
    const char *source = fixture_write("ok.proto", bytes_of_text("syntax='proto3'; message M {}"));
    setenv("PATH", "/nonexistent", 1);
    assert_non_null(strstr(run(&source, 1, NULL, 0), "protoc is not installed"));
    const char *fake = fixture_write("protoc", bytes_of_text("#!/bin/sh\nkill -9 $$\n"));
    assert_int_equal(chmod(fake, 0700), 0);
    setenv("PATH", fixture_folder(), 1);
    assert_non_null(strstr(run(&source, 1, NULL, 0), "protoc crashed"));
    setenv("PATH", path, 1);
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_source_and_imports_beside_it), cmocka_unit_test(test_folders_of_imports),
        cmocka_unit_test(test_messages_of_protoc),           cmocka_unit_test(test_editions),
        cmocka_unit_test(test_protoc_missing_or_crashing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

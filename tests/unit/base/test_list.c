/* SPDX-License-Identifier: Apache-2.0
 *
 * Intrusive list: order, removal while walking, links that are in no list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
    int number;
    struct list link;
};

static int digits_of(struct list *head)
{
    int digits = 0;
    list_for_each(i, head, struct item, link) digits = digits * 10 + i->number;
    return digits;
}

static void test_order_and_removal(void **state)
{
    (void)state;
    struct list head;
    list_init(&head);
    assert_true(list_is_empty(&head));
    assert_null(list_first(&head, struct item, link));
    struct item items[4] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    list_add(&head, &items[1].link);
    list_add(&head, &items[2].link);
    list_add_first(&head, &items[0].link);
    list_insert_before(&items[2].link, &items[3].link);
    assert_int_equal(digits_of(&head), 1243);
    assert_ptr_equal(list_first(&head, struct item, link), &items[0]);
    list_remove(&items[1].link);
    list_remove(&items[1].link); /* twice is harmless */
    assert_int_equal(digits_of(&head), 143);
    list_for_each_safe(i, &head, struct item, link) if (i->number != 4) list_remove(&i->link);
    assert_int_equal(digits_of(&head), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_and_removal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

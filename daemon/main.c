/* SPDX-License-Identifier: Apache-2.0
 *
 * forebayd: arguments, readiness, run.
 */
int main(void)
{
    return 0;
}

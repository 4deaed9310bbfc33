/* policy_test.h: assay policy test CASES... */
#ifndef POLICY_TEST_H
#define POLICY_TEST_H

/* argv[0] is "test".  The exit code: 0 all as expected, 1 not, 4 no valid cases. */
int policy_test(int argc, char **argv);

#endif

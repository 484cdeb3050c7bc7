/* Postfix' commands sleep for a second before they end with an error, so that a daemon that fails does not fail in a tight
   loop. Thousands of cases have better things to do. */

unsigned sleep(unsigned seconds) {
    (void)seconds;
    return 0;
}

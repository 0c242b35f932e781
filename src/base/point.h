/* Named places at which a test may let the process die, as by kill -9 or when the power fails. A
 * build with -Dpoints=true looks at $POP3FS_KILL, "commit.marked:3": the process kills itself as it
 * passes the point of that name for the third time, whichever thread it is. In other builds a point
 * is nothing. tests/crash goes through them all. */
#ifndef POP3FS_POINT_H
#define POP3FS_POINT_H

/* The point `of`.`step`; both are words of a few letters. */
#ifdef POP3FS_POINTS
#define POINT(of, step) point_pass(of, step)
#else
#define POINT(of, step) ((void)0)
#endif

void point_pass(const char *of, const char *step);

#endif

#include <assert.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static void *work(void *argument)
{
	return argument;
}

int main(int count, char **arguments)
{
	pthread_t thread;
	void *result;
	assert(count > 0);
	if (pthread_create(&thread, NULL, work, arguments) || pthread_join(thread, &result))
		return 1;
	if (result != arguments || fabs(pow(2.0, 0.5) * sqrt(2.0) - 2.0) > 1e-9)
		return 2;
	printf("hello from %s\n", strrchr("/" __FILE__, '/') + 1);
	return 0;
}

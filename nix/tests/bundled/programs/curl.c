#include <curl/curl.h>
#include <string.h>

int main(void)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return 1;
	const curl_version_info_data *info = curl_version_info(CURLVERSION_NOW);
	if (!(info->features & CURL_VERSION_SSL) || strncmp(info->ssl_version, "mbedTLS", 7))
		return 2;
	CURL *handle = curl_easy_init();
	if (!handle || curl_easy_setopt(handle, CURLOPT_URL, "https://example.test/"))
		return 3;
	curl_easy_cleanup(handle);
	return 0;
}

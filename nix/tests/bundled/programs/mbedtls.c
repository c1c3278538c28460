#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>
#include <string.h>

/* SHA-256 of "abc", a seeded random generator, and a TLS configuration. */
int main(void)
{
	static const unsigned char wanted[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea };
	unsigned char digest[32], random[16];
	if (mbedtls_sha256((const unsigned char *)"abc", 3, digest, 0) || memcmp(digest, wanted, sizeof wanted))
		return 1;

	mbedtls_entropy_context entropy;
	mbedtls_ctr_drbg_context generator;
	mbedtls_entropy_init(&entropy);
	mbedtls_ctr_drbg_init(&generator);
	if (mbedtls_ctr_drbg_seed(&generator, mbedtls_entropy_func, &entropy, NULL, 0))
		return 2;
	if (mbedtls_ctr_drbg_random(&generator, random, sizeof random))
		return 3;

	mbedtls_ssl_config config;
	mbedtls_ssl_config_init(&config);
	return mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
					   MBEDTLS_SSL_PRESET_DEFAULT);
}

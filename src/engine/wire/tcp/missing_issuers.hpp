#pragma once
// Issuers' certificates that a server does not send, by the address that its certificate names (Authority Information Access,
// RFC 5280 4.2.2.1): the option tlsAIAFetch. What is loaded is trusted no more than what a server sends.
#include <string>

struct x509_store_ctx_st;

namespace gauntlet::engine::wire {

/// For SSL_CTX_set_cert_verify_callback(), client's side. Where an issuer is missing and is being loaded the handshake stops with
/// SSL_ERROR_WANT_RETRY_VERIFY, to be gone on with after a while. Each address is asked once in a process: by http, for 5 s at most,
/// for 64 KiB at most, and for no more than four certificates to a chain.
int verify_with_missing_issuers(x509_store_ctx_st* store, void* unused);

/// For a verification that has just failed on this thread: notes where the issuer is that it lacks, if that is why.
void note_missing_issuer(x509_store_ctx_st* store);
/// What was noted since, in words, as the end of a message; empty: nothing.
std::string take_missing_issuer();

}  // namespace gauntlet::engine::wire

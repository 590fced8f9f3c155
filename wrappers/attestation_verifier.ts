export * from '../build/AttestationVerifier/AttestationVerifier_AttestationVerifier';

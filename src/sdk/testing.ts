export { type FaultContract, type Specimen, testFault } from '../faults/contract.ts';
export { type PlatformFixture, type PlatformSuite, testPlatform } from '../platforms/contract.ts';

export * from '../build/PlatformKey/PlatformKey_PlatformKey';

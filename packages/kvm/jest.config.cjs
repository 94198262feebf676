module.exports = { displayName: 'kvm', preset: '../../jest.preset.js', coverageDirectory: 'coverage' };

from hypothesis import settings

settings.register_profile("metaling_sk", deadline=None, max_examples=50)
settings.load_profile("metaling_sk")
